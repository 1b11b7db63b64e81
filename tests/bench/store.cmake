# How fast the store is on this disk.
add_executable(bench_store EXCLUDE_FROM_ALL store.cpp ${PROJECT_SOURCE_DIR}/tests/unit/store/fixture.cpp)
target_link_libraries(bench_store PRIVATE decom_store decom_test_support PkgConfig::SQLITE)
