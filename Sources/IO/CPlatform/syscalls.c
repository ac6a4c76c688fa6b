#define _GNU_SOURCE
#include "cplatform.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t cplatform_pread(int fd, void *bytes, size_t count, off_t position, bool may_block) {
  if (!may_block) {
    struct iovec piece = {.iov_base = bytes, .iov_len = count};
    ssize_t got = preadv2(fd, &piece, 1, position, RWF_NOWAIT);
    if (got >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS)) return got;
  }
  return pread(fd, bytes, count, position);
}

int cplatform_reserve(int fd, off_t position, off_t count) {
  int result;
  do {
    result = fallocate(fd, 0, position, count);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return 0;
  if (errno != EOPNOTSUPP && errno != ENOSYS) return errno;
  struct stat status;
  if (fstat(fd, &status) != 0) return errno;
  if (status.st_size >= position + count) return 0;
  do {
    result = ftruncate(fd, position + count);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}
