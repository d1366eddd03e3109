/* npy_read.c - Reads the rows of .npy files, whose header npy.c has inspected, and turns their numbers into the
   host's. */
#define _POSIX_C_SOURCE 200809L
#include "file_state.h"
#include "reader.h"

#include <brenier/compat.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NPY_BUFFER_BYTES = 1 << 20 };

void BrenierNpyFindGap(const BrenierArrayFile *file, BrenierGap *gap)
{
  PetscInt64 row_bytes = file->item_bytes;

  for (int axis = 1; axis < file->n_axes; ++axis) row_bytes *= file->shape[axis];
  gap->found    = BrenierFindHole(file->file, file->data_offset, row_bytes, file->shape[0], &gap->first, &gap->last);
  gap->kind     = BRENIER_EXIT_INPUT;
  gap->readable = PETSC_TRUE;
  snprintf(gap->why, sizeof gap->why,
           "nothing was ever written there (a hole in the file, as open_memmap leaves one); finish the file");
}

/* IEEE 754 binary16: sign, 5 bits of exponent with bias 15, 10 bits of fraction. */
static PetscReal HalfToReal(uint64_t bits)
{
  const PetscReal sign     = bits & 0x8000 ? -1.0 : 1.0;
  const int       exponent = (bits >> 10) & 31;
  const int       fraction = bits & 0x3ff;

  if (exponent == 31) return fraction ? (PetscReal)NAN : sign * (PetscReal)INFINITY;
  if (exponent == 0) return sign * (PetscReal)fraction * 0x1p-24;
  return sign * (PetscReal)(1024 + fraction) * PetscPowRealInt(2.0, exponent - 25);
}

/* The bits of one number, in the host's order. */
static inline uint64_t Bits(const BrenierArrayFile *file, const unsigned char *from)
{
  uint16_t two;
  uint32_t four;
  uint64_t eight;

  switch (file->item_bytes) {
  case 1:
    return *from;
  case 2:
    memcpy(&two, from, sizeof two);
    return file->big_endian ? __builtin_bswap16(two) : two;
  case 4:
    memcpy(&four, from, sizeof four);
    return file->big_endian ? __builtin_bswap32(four) : four;
  default:
    memcpy(&eight, from, sizeof eight);
    return file->big_endian ? __builtin_bswap64(eight) : eight;
  }
}

/* The integer that the lowest bits of a number are in two's complement. */
static inline int64_t SignedOf(uint64_t bits, int bytes)
{
  const uint64_t sign = UINT64_C(1) << (8 * bytes - 1);

  return (int64_t)((bits ^ sign) - sign); // bits above those of the number are zero
}

static inline PetscReal FloatOf(uint64_t bits, int bytes)
{
  const uint32_t narrow = (uint32_t)bits;
  float          x;
  double         y;

  if (bytes == 2) return HalfToReal(bits);
  if (bytes == 4) return (PetscReal)(memcpy(&x, &narrow, sizeof x), x);
  memcpy(&y, &bits, sizeof y);
  return (PetscReal)y;
}

static inline PetscReal RealOf(const BrenierArrayFile *file, uint64_t bits)
{
  switch (file->number) {
  case BRENIER_NUMBER_FLOAT:
    return FloatOf(bits, file->item_bytes);
  case BRENIER_NUMBER_SIGNED:
    return (PetscReal)SignedOf(bits, file->item_bytes);
  case BRENIER_NUMBER_UNSIGNED:
    return (PetscReal)bits;
  default:
    return bits ? 1.0 : 0.0;
  }
}

static inline uint64_t WholeOf(const BrenierArrayFile *file, uint64_t bits)
{
  if (file->number == BRENIER_NUMBER_SIGNED) return (uint64_t)SignedOf(bits, file->item_bytes);
  return file->number == BRENIER_NUMBER_BOOL ? bits != 0 : bits;
}

/* Turns `count` numbers as they are in the file into those of memory, from the `at`th on. */
static void Decode(const BrenierArrayFile *file, size_t count, const unsigned char *from, BrenierMemory memory,
                   void *rows, size_t at)
{
  const size_t bytes  = (size_t)file->item_bytes;
  PetscReal   *real   = (PetscReal *)rows;
  float       *single = (float *)rows;
  uint64_t    *whole  = (uint64_t *)rows;

  for (size_t i = 0; i < count; ++i) {
    const uint64_t bits = Bits(file, from + i * bytes);

    if (memory == BRENIER_AS_REAL) real[at + i] = RealOf(file, bits);
    else if (memory == BRENIER_AS_SINGLE) single[at + i] = (float)RealOf(file, bits);
    else whole[at + i] = WholeOf(file, bits);
  }
}

void BrenierNpyReadArray(const BrenierArrayFile *file, PetscInt64 first, PetscInt64 n_local, PetscInt dim,
                         BrenierMemory memory, void *rows, BrenierFault *fault)
{
  const size_t     at_once    = NPY_BUFFER_BYTES / (size_t)file->item_bytes;
  const size_t     n_values   = (size_t)n_local * (size_t)dim;
  const PetscInt64 offset     = file->data_offset + first * dim * file->item_bytes;
  const int        descriptor = open(file->file, O_RDONLY | O_CLOEXEC);
  unsigned char   *buffer     = (unsigned char *)malloc(NPY_BUFFER_BYTES);

  if (descriptor < 0 || !buffer)
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open: %s", file->where, strerror(errno));
  for (size_t done = 0; done < n_values && !fault->kind; done += at_once) {
    const size_t count = PetscMin(at_once, n_values - done);

    if (BrenierReadAt(descriptor, buffer, count * (size_t)file->item_bytes,
                      offset + (PetscInt64)done * file->item_bytes))
      Decode(file, count, buffer, memory, rows, done);
    else
      BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot read row %" PetscInt64_FMT ": %s", file->where,
                      first + (PetscInt64)done / dim, errno ? strerror(errno) : "the file became shorter meanwhile");
  }
  free(buffer);
  if (descriptor >= 0) close(descriptor);
}
