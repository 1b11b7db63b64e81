// Asio and Beast in one object: every other file sees declarations only, which halves its compile time.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
