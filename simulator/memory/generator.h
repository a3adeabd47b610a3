// A function that yields values one by one and is resumed for the next: how a block's walk over its tiles is
// written as plain loops and consumed as a stream.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace attnlab::memory {

template <class T>
class Generator {
 public:
  struct promise_type {
    T value{};
    Generator get_return_object() { return Generator(Handle::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T next) {
      value = std::move(next);
      return {};
    }
    void return_void() {}
    void unhandled_exception() { throw; }
  };

  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Generator() {
    if (handle_) handle_.destroy();
  }

  // The next value, valid until the next call; null when there is none.
  const T* next() {
    if (!handle_.done()) handle_.resume();
    return handle_.done() ? nullptr : &handle_.promise().value;
  }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Generator(Handle handle) : handle_(handle) {}
  Handle handle_;
};

}  // namespace attnlab::memory
