// What has to happen before the process ends, by a signal too.
#pragma once

#include <functional>
#include <list>

namespace attnlab::os {

// From construction to destruction: `action` runs when the process is ended by a signal (end_in_order), later ones
// first, on a thread of its own. It must not throw.
class BeforeEnd {
 public:
  explicit BeforeEnd(std::function<void()> action);
  // The same behind `first`, between which no signal ends the process: it starts what `action` ends.
  BeforeEnd(const std::function<void()>& first, std::function<void()> action);
  ~BeforeEnd();
  BeforeEnd(const BeforeEnd&) = delete;
  BeforeEnd& operator=(const BeforeEnd&) = delete;

 private:
  std::list<std::function<void()>>::iterator place_;
};

// For the first line of a program's main, before it has threads: from here on SIGHUP, SIGINT and SIGTERM first run
// what BeforeEnd holds, then end the process as they would have. A signal that is ignored stays ignored.
void end_in_order();

// The signals that end_in_order() keeps from all threads, for what starts another program: that one gets them.
void unblock_signals();

}  // namespace attnlab::os
