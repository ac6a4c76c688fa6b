// The journal: what happened to the files, in order. It is written with plain writes, so that it outlives kill -9.
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Before each payload; a record that is cut off at the end is none.
struct record_head {
  uint32_t operation;
  uint32_t handle;
  uint64_t number;
  uint64_t length;
};

static int journal = -1;
static uint64_t written = 0;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

// The system calls themselves: the functions of libc are replaced by ours.

void journal_open(const char *path) {
  journal = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

bool journal_is_open(void) { return journal >= 0; }

uint64_t journal_end(void) {
  pthread_mutex_lock(&mutex);
  uint64_t end = written;
  pthread_mutex_unlock(&mutex);
  return end;
}

static void put(const void *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = syscall(SYS_write, journal, bytes, length);
    if (count < 0 && errno == EINTR) continue;
    // A journal with a gap would accuse the program of what the shim did.
    if (count <= 0) abort();
    bytes = (const char *)bytes + count;
    length -= (size_t)count;
    written += (uint64_t)count;
  }
}

void journal_add_pieces(
    enum operation operation, uint32_t handle, uint64_t number, const struct iovec *pieces, int count, size_t length) {
  if (journal < 0) return;
  int error = errno;
  struct record_head head = {operation, handle, number, length};
  pthread_mutex_lock(&mutex);
  put(&head, sizeof head);
  for (int piece = 0; piece < count && length > 0; piece++) {
    size_t part = pieces[piece].iov_len < length ? pieces[piece].iov_len : length;
    put(pieces[piece].iov_base, part);
    length -= part;
  }
  pthread_mutex_unlock(&mutex);
  errno = error;
}

void journal_add(enum operation operation, uint32_t handle, uint64_t number, const void *payload, size_t length) {
  struct iovec piece = {(void *)payload, length};
  journal_add_pieces(operation, handle, number, &piece, 1, length);
}

void journal_add_content(struct file *file, int fd) {
  struct stat status;
  if (journal < 0 || fstat(fd, &status) != 0) return;
  size_t size = (size_t)status.st_size;
  char *bytes = malloc(size > 0 ? size : 1);
  if (bytes == NULL) abort();
  size_t got = 0;
  while (got < size) {
    ssize_t count = syscall(SYS_pread64, fd, bytes + got, size - got, (off_t)got);
    if (count <= 0) break;
    got += (size_t)count;
  }
  // Most of an index is space for what may come.
  size_t used = got;
  while (used > 0 && bytes[used - 1] == 0) used--;
  journal_add(OP_CONTENT, file->handle, got, bytes, used);
  free(bytes);
}
