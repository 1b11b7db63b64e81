#include "tests/support/fault_vfs.hpp"

#include <stdexcept>

#include <sqlite3.h>

namespace decom::test {
namespace {

/// Ours, with the real one's file behind it in the same allocation.
struct File {
  sqlite3_file base;
  bool is_log;
  sqlite3_file* real;
};

sqlite3_vfs* real_vfs = nullptr;

File* mine(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return mine(file)->real; }

int close(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read(sqlite3_file* file, void* into, int size, sqlite3_int64 at) {
  return real(file)->pMethods->xRead(real(file), into, size, at);
}
int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  switch (FaultVfs::instance().writes.load()) {
    case FaultVfs::Fault::none: break;
    case FaultVfs::Fault::full: return SQLITE_FULL;
    case FaultVfs::Fault::io: return SQLITE_IOERR_WRITE;
  }
  if (mine(file)->is_log) ++FaultVfs::instance().log_writes_not_synced;
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) { return real(file)->pMethods->xTruncate(real(file), size); }
int sync(sqlite3_file* file, int flags) {
  FaultVfs& vfs = FaultVfs::instance();
  if (vfs.syncs.load() != FaultVfs::Fault::none) return SQLITE_IOERR_FSYNC;
  if (mine(file)->is_log) {
    vfs.pass_gate();
    ++vfs.log_syncs;
  }
  const int result = real(file)->pMethods->xSync(real(file), flags);
  if (mine(file)->is_log && result == SQLITE_OK) vfs.log_writes_not_synced = 0;
  return result;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* reserved) {
  return real(file)->pMethods->xCheckReservedLock(real(file), reserved);
}
int control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int traits(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, into);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

constexpr sqlite3_io_methods kMethods{2,        close,       read,       write,   truncate,    sync,   file_size,
                                      lock,     unlock,      check_lock, control, sector_size, traits, shm_map,
                                      shm_lock, shm_barrier, shm_unmap,  nullptr, nullptr};

int open(sqlite3_vfs* /*vfs*/, sqlite3_filename name, sqlite3_file* file, int flags, int* got) {
  File* self = mine(file);
  self->is_log = (flags & SQLITE_OPEN_WAL) != 0;
  self->real = reinterpret_cast<sqlite3_file*>(self + 1);
  const int result = real_vfs->xOpen(real_vfs, name, self->real, flags, got);
  self->base.pMethods = self->real->pMethods != nullptr ? &kMethods : nullptr;
  return result;
}

}  // namespace

FaultVfs& FaultVfs::instance() {
  static FaultVfs one;
  return one;
}

FaultVfs::FaultVfs() {
  real_vfs = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs = *real_vfs;
  vfs.zName = kName;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + real_vfs->szOsFile;
  vfs.xOpen = open;
  if (sqlite3_vfs_register(&vfs, 0) != SQLITE_OK) throw std::runtime_error("cannot register the file system");
}

void FaultVfs::reset() {
  writes = Fault::none;
  syncs = Fault::none;
  log_syncs = 0;
  log_writes_not_synced = 0;
  open_gate();
}

void FaultVfs::close_gate() {
  const std::lock_guard guard(mutex_);
  closed_ = true;
  somebody_waits_ = false;
}

void FaultVfs::open_gate() {
  const std::lock_guard guard(mutex_);
  closed_ = false;
  changed_.notify_all();
}

void FaultVfs::wait_at_gate() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return somebody_waits_; });
}

void FaultVfs::pass_gate() {
  std::unique_lock lock(mutex_);
  somebody_waits_ = closed_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !closed_; });
}

}  // namespace decom::test
