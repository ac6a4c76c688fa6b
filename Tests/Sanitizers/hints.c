// Tells ThreadSanitizer of the parts of Swift's Mutex and of its continuations that it cannot see.
//
// A Mutex that nobody waits for is locked and unlocked by atomic instructions in the program itself, which are
// instrumented. One that is contended goes through these three functions of libswiftSynchronization, which is not: the
// order between the two threads is then lost, and everything that the mutex protects looks like a race. The same goes for
// a continuation that is resumed before the task gets to wait for it: both meet in libswift_Concurrency. Preloaded, this
// library stands before them, calls them, and tells of the order that they make. Nothing is suppressed: a race on
// what no mutex protects, or two different ones do, is reported as before.
//
// In a process without ThreadSanitizer the hints are null and only the calls are left.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

typedef SWIFT void lock_function(uint32_t thread, SELF void *mutex);
typedef SWIFT bool try_function(SELF void *mutex);
typedef SWIFT void unlock_function(SELF void *mutex);

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void *real(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  if (found == NULL) abort();
  return found;
}

// Looked up each time: it is the slow path, and a cache would be one more thing shared between threads.
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT void lock_slow(uint32_t thread, SELF void *mutex) {
  ((lock_function *)real(LOCK))(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT bool try_lock_slow(SELF void *mutex) __asm__(TRY);
SWIFT bool try_lock_slow(SELF void *mutex) {
  bool locked = ((try_function *)real(TRY))(mutex);
  if (locked && __tsan_acquire) __tsan_acquire(mutex);
  return locked;
}

SWIFT void unlock_slow(SELF void *mutex) __asm__(UNLOCK);
SWIFT void unlock_slow(SELF void *mutex) {
  if (__tsan_release) __tsan_release(mutex);
  ((unlock_function *)real(UNLOCK))(mutex);
}

// Continuations. What the one who resumes has written, the result with it, comes before what the task does next. Both know
// the task. (Where the task waits already, the library tells by itself.)
#define SWIFT_ASYNC __attribute__((swiftasynccall))

typedef SWIFT void resume_function(void *task);
typedef SWIFT void resume_error_function(void *task, void *error);
typedef SWIFT_ASYNC void await_function(void *context);

extern SWIFT void *swift_task_getCurrent(void) __attribute__((weak));

// Resumptions under way, by task: a task that is about to wait lets them end, so as not to meet one half-way.
static unsigned char resuming[1 << 12];

static unsigned char *resuming_of(void *task) {
  return &resuming[((uintptr_t)task >> 4) * 0x9E3779B97F4A7C15u >> 52];
}

static void begin_resuming(void *task) {
  __atomic_add_fetch(resuming_of(task), 1, __ATOMIC_SEQ_CST);
  if (__tsan_release) __tsan_release(task);
}

static void end_resuming(void *task) { __atomic_sub_fetch(resuming_of(task), 1, __ATOMIC_SEQ_CST); }

SWIFT void swift_continuation_resume(void *task) {
  resume_function *resume = (resume_function *)real("swift_continuation_resume");
  begin_resuming(task);
  resume(task);
  end_resuming(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
  resume_function *resume = (resume_function *)real("swift_continuation_throwingResume");
  begin_resuming(task);
  resume(task);
  end_resuming(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
  resume_error_function *resume = (resume_error_function *)real("swift_continuation_throwingResumeWithError");
  begin_resuming(task);
  resume(task, error);
  end_resuming(task);
}

SWIFT_ASYNC void swift_continuation_await(void *context) {
  await_function *await = (await_function *)real("swift_continuation_await");
  if (__tsan_acquire && swift_task_getCurrent) {
    void *task = swift_task_getCurrent();
    do {
      while (__atomic_load_n(resuming_of(task), __ATOMIC_SEQ_CST) != 0) {}
      __tsan_acquire(task);
    } while (__atomic_load_n(resuming_of(task), __ATOMIC_SEQ_CST) != 0);
  }
  __attribute__((musttail)) return await(context);
}
