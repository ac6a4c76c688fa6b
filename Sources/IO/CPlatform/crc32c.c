// CRC-32C three ways: slice-by-8 tables, SSE4.2 and ARMv8 instructions. The instruction takes eight bytes with a latency
// of three cycles, so long inputs are cut in three streams whose sums are joined by a multiplication modulo the
// polynomial, done with tables of the operator "append n zero bytes" (method of M. Adler, crc32c.c).
#include "cplatform.h"

#include <pthread.h>
#include <string.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u  // reflected
#define LONG_STREAM 4096
#define SHORT_STREAM 256

static uint32_t slices[8][256];
static uint32_t long_zeros[4][256];
static uint32_t short_zeros[4][256];
static bool has_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t times_matrix(const uint32_t *matrix, uint32_t vector) {
  uint32_t sum = 0;
  for (; vector; vector >>= 1, matrix++)
    if (vector & 1) sum ^= *matrix;
  return sum;
}

static void square(uint32_t *result, const uint32_t *matrix) {
  for (int bit = 0; bit < 32; bit++) result[bit] = times_matrix(matrix, matrix[bit]);
}

// Tables of the operator that appends `count` zero bytes; count is a power of two.
static void make_zeros(uint32_t zeros[4][256], size_t count) {
  uint32_t even[32], odd[32];
  odd[0] = POLYNOMIAL;
  for (int bit = 1; bit < 32; bit++) odd[bit] = 1u << (bit - 1);
  square(even, odd);  // two zero bits
  square(odd, even);  // four zero bits
  uint32_t *now = odd, *next = even;
  for (; count; count >>= 1) {  // the first round makes eight bits: one byte
    square(next, now);
    uint32_t *other = now;
    now = next;
    next = other;
  }
  for (uint32_t byte = 0; byte < 256; byte++)
    for (int lane = 0; lane < 4; lane++) zeros[lane][byte] = times_matrix(now, byte << (8 * lane));
}

static bool detect(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("sse4.2");
#elif defined(__aarch64__) && defined(__linux__)
  return (getauxval(AT_HWCAP) & (1u << 7)) != 0;  // HWCAP_CRC32
#else
  return false;
#endif
}

static void prepare(void) {
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
    slices[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; byte++)
    for (int slice = 1; slice < 8; slice++) {
      uint32_t before = slices[slice - 1][byte];
      slices[slice][byte] = slices[0][before & 0xff] ^ (before >> 8);
    }
  make_zeros(long_zeros, LONG_STREAM);
  make_zeros(short_zeros, SHORT_STREAM);
  has_instruction = detect();
}

static inline uint64_t load64(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

uint32_t cplatform_crc32c_portable(uint32_t crc, const void *start, size_t count) {
  pthread_once(&once, prepare);
  const uint8_t *bytes = start;
  crc = ~crc;
  for (; count >= 8; count -= 8, bytes += 8) {
    uint64_t word = load64(bytes) ^ crc;
    crc = slices[7][word & 0xff] ^ slices[6][(word >> 8) & 0xff] ^ slices[5][(word >> 16) & 0xff] ^
          slices[4][(word >> 24) & 0xff] ^ slices[3][(word >> 32) & 0xff] ^
          slices[2][(word >> 40) & 0xff] ^ slices[1][(word >> 48) & 0xff] ^ slices[0][word >> 56];
  }
  for (; count; count--, bytes++) crc = slices[0][(crc ^ *bytes) & 0xff] ^ (crc >> 8);
  return ~crc;
}

#if defined(__x86_64__)
#define TARGET __attribute__((target("sse4.2")))
#define STEP64(crc, word) __builtin_ia32_crc32di((crc), (word))
#define STEP8(crc, byte) __builtin_ia32_crc32qi((uint32_t)(crc), (byte))
#elif defined(__aarch64__)
#define TARGET __attribute__((target("crc")))
#define STEP64(crc, word) __builtin_arm_crc32cd((uint32_t)(crc), (word))
#define STEP8(crc, byte) __builtin_arm_crc32cb((uint32_t)(crc), (byte))
#endif

#ifdef TARGET
static inline uint32_t append_zeros(const uint32_t zeros[4][256], uint32_t crc) {
  return zeros[0][crc & 0xff] ^ zeros[1][(crc >> 8) & 0xff] ^ zeros[2][(crc >> 16) & 0xff] ^
         zeros[3][crc >> 24];
}

TARGET static inline uint64_t three_streams(
    uint64_t crc, const uint8_t *bytes, size_t stream, const uint32_t zeros[4][256]) {
  uint64_t second = 0, third = 0;
  for (const uint8_t *end = bytes + stream; bytes < end; bytes += 8) {
    crc = STEP64(crc, load64(bytes));
    second = STEP64(second, load64(bytes + stream));
    third = STEP64(third, load64(bytes + 2 * stream));
  }
  crc = append_zeros(zeros, (uint32_t)crc) ^ second;
  return append_zeros(zeros, (uint32_t)crc) ^ third;
}

TARGET static uint32_t with_instruction(uint32_t start, const uint8_t *bytes, size_t count) {
  uint64_t crc = (uint32_t)~start;
  for (; count >= 3 * LONG_STREAM; count -= 3 * LONG_STREAM, bytes += 3 * LONG_STREAM)
    crc = three_streams(crc, bytes, LONG_STREAM, long_zeros);
  for (; count >= 3 * SHORT_STREAM; count -= 3 * SHORT_STREAM, bytes += 3 * SHORT_STREAM)
    crc = three_streams(crc, bytes, SHORT_STREAM, short_zeros);
  for (; count >= 8; count -= 8, bytes += 8) crc = STEP64(crc, load64(bytes));
  for (; count; count--, bytes++) crc = STEP8(crc, *bytes);
  return ~(uint32_t)crc;
}
#endif

uint32_t cplatform_crc32c(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&once, prepare);
#ifdef TARGET
  if (has_instruction) return with_instruction(crc, bytes, count);
#endif
  return cplatform_crc32c_portable(crc, bytes, count);
}

bool cplatform_crc32c_is_hardware(void) {
  pthread_once(&once, prepare);
  return has_instruction;
}
