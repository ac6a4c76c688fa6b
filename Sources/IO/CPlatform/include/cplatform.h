// What Swift cannot name: CPU instructions and system calls outside the imported headers.
#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// CRC-32C (Castagnoli, RFC 3720 appendix B.4). `crc` is the sum of the bytes before, 0 at first.
uint32_t cplatform_crc32c(uint32_t crc, const void *bytes, size_t count);
// The same in plain C, eight tables at a time; what the above uses where the CPU has no instruction.
uint32_t cplatform_crc32c_portable(uint32_t crc, const void *bytes, size_t count);
// Whether cplatform_crc32c uses CPU instructions here.
bool cplatform_crc32c_is_hardware(void);

// pread; with `may_block` false it fails with EAGAIN where the page cache lacks the bytes (preadv2, RWF_NOWAIT).
// Where the kernel or file system has no such read it blocks.
ssize_t cplatform_pread(int fd, void *bytes, size_t count, off_t position, bool may_block);
// fallocate, mode 0: allocates the blocks and extends the file. 0 or an errno. Extends with ftruncate
// where the file system cannot allocate.
int cplatform_reserve(int fd, off_t position, off_t count);

#endif
