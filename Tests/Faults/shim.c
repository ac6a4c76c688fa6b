// The replaced functions of libc. What distlogd calls was read off `nm -D`: a call that is not here bypasses the shim.
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct control *control;

static char folder[400];
static size_t folder_length;
enum { MOST_FILES = 65536 };
static struct file *files[MOST_FILES];
static uint32_t last_handle;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void prepare(void) {
  const char *path = getenv("DISTLOG_FAULTS_CONTROL");
  const char *below = getenv("DISTLOG_FAULTS_FOLDER");
  if (path == NULL || below == NULL || strlen(below) >= sizeof folder) return;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *mapped = (void *)syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (mapped == MAP_FAILED) return;
  strcpy(folder, below);
  folder_length = strlen(folder);
  const char *journal = getenv("DISTLOG_FAULTS_JOURNAL");
  if (journal != NULL) journal_open(journal);
  control = mapped;
}

bool is_ours(const char *path) {
  if (control == NULL || strncmp(path, folder, folder_length) != 0) return false;
  return path[folder_length] == '/' || path[folder_length] == 0;
}

struct file *file_of(int fd) {
  if (control == NULL || fd < 0 || fd >= MOST_FILES) return NULL;
  return __atomic_load_n(&files[fd], __ATOMIC_ACQUIRE);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int fault(enum kind kind, const char *call, const char *path) {
  if (!(__atomic_load_n(&control->kinds, __ATOMIC_ACQUIRE) & kind)) return 0;
  if (control->only[0] != 0 && strstr(path, control->only) == NULL) return 0;
  uint64_t number = __atomic_add_fetch(&control->count, 1, __ATOMIC_ACQ_REL);
  uint64_t first = control->first;
  uint64_t lasting = control->lasting;
  if (first == 0 || number < first) return 0;
  if (number > first && (lasting == 0 || (number - first) % lasting != 0)) return 0;
  if (__atomic_load_n(&control->fault_time, __ATOMIC_ACQUIRE) == 0) {
    snprintf(control->call, sizeof control->call, "%s", call);
    snprintf(control->path, sizeof control->path, "%s", path);
    __atomic_store_n(&control->fault_time, now(), __ATOMIC_RELEASE);
  }
  __atomic_add_fetch(&control->faults, 1, __ATOMIC_ACQ_REL);
  return (int)control->error;
}

static int fail(int error) {
  errno = error;
  return -1;
}

// Opening and closing

int open(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  bool ours = is_ours(path);
  if (ours) {
    int error = fault(KIND_OPEN, "open", path);
    if (error != 0) return fail(error);
  }
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (!ours || fd < 0 || fd >= MOST_FILES) return fd;
  struct file *file = calloc(1, sizeof *file);
  if (file == NULL) abort();
  snprintf(file->path, sizeof file->path, "%s", path);
  file->handle = __atomic_add_fetch(&last_handle, 1, __ATOMIC_ACQ_REL);
  journal_add(OP_OPEN, file->handle, (uint64_t)flags, path, strlen(path));
  __atomic_store_n(&files[fd], file, __ATOMIC_RELEASE);
  return fd;
}

int close(int fd) {
  // Never freed: another thread may just look at it, and there are few.
  if (file_of(fd) != NULL) __atomic_store_n(&files[fd], NULL, __ATOMIC_RELEASE);
  return (int)syscall(SYS_close, fd);
}

// Writing

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t position) {
  struct file *file = file_of(fd);
  int error = file != NULL ? fault(KIND_WRITE, "pwritev", file->path) : 0;
  if (error != 0) {
    ssize_t part = 0;
    if ((control->torn || error == SHORT_WRITE) && count > 0) {
      struct iovec half = {pieces[0].iov_base, (pieces[0].iov_len + 1) / 2};
      part = syscall(SYS_pwritev, fd, &half, 1, position, 0);
      if (part > 0) journal_add_pieces(OP_WRITE, file->handle, (uint64_t)position, &half, 1, (size_t)part);
    }
    return error == SHORT_WRITE ? part : fail(error);
  }
  ssize_t done = syscall(SYS_pwritev, fd, pieces, count, position, 0);
  if (file != NULL && done > 0) {
    journal_add_pieces(OP_WRITE, file->handle, (uint64_t)position, pieces, count, (size_t)done);
  }
  return done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t position) {
  struct iovec piece = {(void *)bytes, length};
  return pwritev(fd, &piece, 1, position);
}

int ftruncate(int fd, off_t size) {
  struct file *file = file_of(fd);
  int error = file != NULL ? fault(KIND_TRUNCATE, "ftruncate", file->path) : 0;
  if (error != 0) return fail(error);
  int result = (int)syscall(SYS_ftruncate, fd, size);
  if (file != NULL && result == 0) journal_add(OP_SIZE, file->handle, (uint64_t)size, NULL, 0);
  return result;
}

int fallocate(int fd, int mode, off_t position, off_t length) {
  struct file *file = file_of(fd);
  int error = file != NULL ? fault(KIND_RESERVE, "fallocate", file->path) : 0;
  if (error != 0) return fail(error);
  int result = (int)syscall(SYS_fallocate, fd, mode, position, length);
  struct stat status;
  if (file != NULL && result == 0 && journal_is_open() && fstat(fd, &status) == 0) {
    journal_add(OP_SIZE, file->handle, (uint64_t)status.st_size, NULL, 0);
  }
  return result;
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t position) {
  struct file *file = fd >= 0 ? file_of(fd) : NULL;
  int error = file != NULL ? fault(KIND_MAP, "mmap", file->path) : 0;
  if (error != 0) {
    errno = error;
    return MAP_FAILED;
  }
  if (file != NULL) {
    file->is_mapped = true;
    journal_add(OP_MAP, file->handle, 0, NULL, 0);
  }
  return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, position);
}

// Syncing

static int sync_file(int fd, const char *call, long number) {
  struct file *file = file_of(fd);
  if (file == NULL) return (int)syscall(number, fd);
  uint64_t delay = control->delay;
  if (delay > 0) {
    struct timespec time = {(time_t)(delay / 1000000000u), (long)(delay % 1000000000u)};
    nanosleep(&time, NULL);
  }
  if (file->is_mapped && journal_is_open()) journal_add_content(file, fd);
  uint64_t before = journal_end();
  int error = fault(KIND_SYNC, call, file->path);
  if (error != 0) {
    journal_add(OP_DROP, file->handle, before, NULL, 0);
    return fail(error);
  }
  if (control->forget_syncs) return 0;
  // With a journal the disk is the test's own.
  int result = journal_is_open() ? 0 : (int)syscall(number, fd);
  if (result == 0) journal_add(OP_SYNC, file->handle, before, NULL, 0);
  return result;
}

int fsync(int fd) { return sync_file(fd, "fsync", SYS_fsync); }

int fdatasync(int fd) { return sync_file(fd, "fdatasync", SYS_fdatasync); }

// Names

int rename(const char *from, const char *to) {
  bool ours = is_ours(from);
  int error = ours ? fault(KIND_RENAME, "rename", from) : 0;
  if (error != 0) return fail(error);
  pthread_mutex_lock(&mutex);
  int result = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
  if (ours && result == 0) {
    struct iovec pieces[] = {{(void *)from, strlen(from) + 1}, {(void *)to, strlen(to)}};
    journal_add_pieces(OP_RENAME, 0, 0, pieces, 2, pieces[0].iov_len + pieces[1].iov_len);
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

int unlink(const char *path) {
  bool ours = is_ours(path);
  int error = ours ? fault(KIND_UNLINK, "unlink", path) : 0;
  if (error != 0) return fail(error);
  pthread_mutex_lock(&mutex);
  int result = (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
  if (ours && result == 0) journal_add(OP_UNLINK, 0, 0, path, strlen(path));
  pthread_mutex_unlock(&mutex);
  return result;
}

int mkdir(const char *path, mode_t mode) {
  int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
  if (result == 0 && is_ours(path)) journal_add(OP_FOLDER, 0, 0, path, strlen(path));
  return result;
}
