// A library that stands between a program and the disk (LD_PRELOAD): it makes calls fail, delays or forgets syncs, and
// keeps a journal from which a test builds what a disk would hold after a power cut.
//
// Only files below one folder are touched. The environment says where things are:
//
//     DISTLOG_FAULTS_FOLDER   the folder, absolute, without a slash at its end
//     DISTLOG_FAULTS_CONTROL  a file of 4096 bytes that is mapped: `struct control`; a test changes it at any time
//     DISTLOG_FAULTS_JOURNAL  a file to which the journal is appended (may be left out)
//
// The reader of the journal and the writer of the control file is Tests/Python/faults.py.
#ifndef FAULTS_H
#define FAULTS_H

#define _GNU_SOURCE
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// What a call does to the disk: bits of `control.kinds`.
enum kind {
  KIND_WRITE = 1,
  KIND_SYNC = 2,
  KIND_OPEN = 4,
  KIND_MAP = 8,
  KIND_RESERVE = 16,
  KIND_TRUNCATE = 32,
  KIND_RENAME = 64,
  KIND_UNLINK = 128,
};

// In `control.error`: nothing fails, but only a part is written.
enum { SHORT_WRITE = 4096 };

// Shared with the test: ten numbers of eight bytes, then three names.
struct control {
  uint64_t kinds;         // which calls are counted and may fail
  uint64_t first;         // the number of the call that fails, from 1; 0: none
  uint64_t lasting;       // 1: all after it fail, too; n: each n-th after it
  uint64_t error;         // with which errno, or SHORT_WRITE
  uint64_t torn;          // 1: a write that fails has written its first half
  uint64_t delay;         // nanoseconds that each sync takes longer
  uint64_t forget_syncs;  // 1: syncs do nothing and say that all is well
  uint64_t count;         // calls counted
  uint64_t faults;        // calls that failed by us
  uint64_t fault_time;    // CLOCK_MONOTONIC of the first one, nanoseconds
  char call[32];          // its name
  char path[512];         // its file
  char only[64];          // when not empty: calls on other paths are not counted
};

extern struct control *control;

// Operations of the journal.
enum operation {
  OP_OPEN = 1,      // handle, number = flags, payload = path
  OP_WRITE = 2,     // handle, number = position, payload = bytes
  OP_SIZE = 3,      // handle, number = new size
  OP_SYNC = 4,      // handle, number = bytes of journal whose operations are durable now
  OP_DROP = 5,      // handle, number = as above: a sync failed, they never will be
  OP_CONTENT = 6,   // handle, number = size, payload = the whole file up to its last byte that is not 0: it is mapped
  OP_MAP = 7,       // handle
  OP_RENAME = 8,    // payload = old path, zero byte, new path
  OP_UNLINK = 9,    // payload = path
  OP_FOLDER = 10,   // payload = path
};

// Whether `path` lies in the folder or is it.
bool is_ours(const char *path);

// An open file of the folder, or NULL.
struct file {
  uint32_t handle;
  bool is_mapped;
  char path[512];
};
struct file *file_of(int fd);

// Counts a call; the errno with which it is to fail, or 0.
int fault(enum kind kind, const char *call, const char *path);

void journal_open(const char *path);
bool journal_is_open(void);
// Bytes of the journal so far.
uint64_t journal_end(void);
void journal_add(enum operation operation, uint32_t handle, uint64_t number, const void *payload, size_t length);
// The same for scattered bytes, of which only the first `length` count.
void journal_add_pieces(
    enum operation operation, uint32_t handle, uint64_t number, const struct iovec *pieces, int count, size_t length);
// The whole content of a mapped file.
void journal_add_content(struct file *file, int fd);

#endif
