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
// the task; the task goes on, now or later, at the function that its context names, so another one is put before that.
#define SWIFT_ASYNC __attribute__((swiftasynccall))
#define CONTEXT __attribute__((swift_async_context))

typedef SWIFT void resume_function(void *task);
typedef SWIFT void resume_error_function(void *task, void *error);
typedef SWIFT_ASYNC void next_function(CONTEXT void *context);
typedef SWIFT_ASYNC void await_function(void *context);

extern SWIFT void *swift_task_getCurrent(void) __attribute__((weak));

SWIFT void swift_continuation_resume(void *task) {
  if (__tsan_release) __tsan_release(task);
  ((resume_function *)real("swift_continuation_resume"))(task);
}

SWIFT void swift_continuation_throwingResume(void *task) {
  if (__tsan_release) __tsan_release(task);
  ((resume_function *)real("swift_continuation_throwingResume"))(task);
}

SWIFT void swift_continuation_throwingResumeWithError(void *task, void *error) {
  if (__tsan_release) __tsan_release(task);
  ((resume_error_function *)real("swift_continuation_throwingResumeWithError"))(task, error);
}

// What follows each context that waits. The lock is one that ThreadSanitizer does not see: it must order nothing.
enum { WAITING = 1 << 16 };
static struct { void *context; next_function *next; } waiting[WAITING];
static char is_locked;

static void lock(void) {
  while (__atomic_test_and_set(&is_locked, __ATOMIC_ACQUIRE)) {}
}

static void unlock(void) { __atomic_clear(&is_locked, __ATOMIC_RELEASE); }

static size_t first_place(void *context) { return ((uintptr_t)context >> 4) * 0x9E3779B97F4A7C15u >> 48; }

static void put(void *context, next_function *next) {
  lock();
  for (size_t tried = 0, place = first_place(context); tried < WAITING; tried++, place = (place + 1) % WAITING) {
    if (waiting[place].next != NULL) continue;
    waiting[place].context = context;
    waiting[place].next = next;
    unlock();
    return;
  }
  abort();
}

static next_function *take(void *context) {
  lock();
  for (size_t tried = 0, place = first_place(context); tried < WAITING; tried++, place = (place + 1) % WAITING) {
    if (waiting[place].context != context || waiting[place].next == NULL) continue;
    next_function *next = waiting[place].next;
    waiting[place].next = NULL;
    unlock();
    return next;
  }
  abort();
}

static SWIFT_ASYNC void go_on(CONTEXT void *context) {
  if (swift_task_getCurrent) __tsan_acquire(swift_task_getCurrent());
  next_function *next = take(context);
  __attribute__((musttail)) return next(context);
}

// The context of a continuation begins with that of its parent, then where to go on (AsyncContext of the runtime's ABI).
struct context { void *parent; next_function *next; };

SWIFT_ASYNC void swift_continuation_await(void *context) {
  if (__tsan_acquire) {
    put(context, ((struct context *)context)->next);
    ((struct context *)context)->next = go_on;
  }
  await_function *await = (await_function *)real("swift_continuation_await");
  __attribute__((musttail)) return await(context);
}
