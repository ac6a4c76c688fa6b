// Tells ThreadSanitizer of the part of Swift's Mutex that it cannot see.
//
// A Mutex that nobody waits for is locked and unlocked by atomic instructions in the program itself, which are
// instrumented. One that is contended goes through these three functions of libswiftSynchronization, which is not: the
// order between the two threads is then lost, and everything that the mutex protects looks like a race. Preloaded, this
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
