/*
  npy.c - Reads NumPy's .npy files: magic, version, header length, a Python dictionary as text, the numbers.

    \x93NUMPY major minor length {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } data...

  `length` is little endian, 2 bytes in version 1 and 4 bytes in versions 2 and 3. Format: numpy.lib.format, NEP 1.
  A header is untrusted: every number is bounded before it is used.
*/
#define _POSIX_C_SOURCE 200809L
#include "reader.h"

#include <brenier/compat.h>
#include <brenier/print.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NumPy writes some 100 bytes into a header; a plain number type never needs more than this. */
enum { NPY_MAX_HEADER = 65536, NPY_BUFFER_BYTES = 1 << 20 };

/* What the dictionary says. */
typedef struct {
  char       type[16]; /* "<f4" */
  PetscBool  structured, fortran_order;
  PetscBool  has_type, has_order, has_shape;
  int        n_axes;
  PetscInt64 shape[BRENIER_MAX_AXES];
} NpyHeader;

PetscBool BrenierReadAt(int descriptor, void *buffer, size_t bytes, PetscInt64 offset)
{
  char *to = (char *)buffer;

  while (bytes > 0) {
    const ssize_t got = pread(descriptor, to, bytes, (off_t)offset);

    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = 0;
    if (got <= 0) return PETSC_FALSE;
    to += got;
    offset += got;
    bytes -= (size_t)got;
  }
  return PETSC_TRUE;
}

/* The cursor functions move *at behind the text that they read, and return false if it is something else. */
static void SkipBlanks(const char **at)
{
  while (**at == ' ' || **at == '\t' || **at == '\n' || **at == '\r') ++*at;
}

static PetscBool Accept(const char **at, char wanted)
{
  SkipBlanks(at);
  if (**at != wanted) return PETSC_FALSE;
  ++*at;
  return PETSC_TRUE;
}

static PetscBool AcceptText(const char **at, size_t length, char text[])
{
  const char quote = (SkipBlanks(at), **at);
  size_t     n     = 0;

  if (quote != '\'' && quote != '"') return PETSC_FALSE;
  for (++*at; **at && **at != quote; ++*at) {
    if (n + 1 == length) return PETSC_FALSE;
    text[n++] = **at;
  }
  text[n] = '\0';
  return Accept(at, quote);
}

static PetscBool AcceptBool(const char **at, PetscBool *value)
{
  SkipBlanks(at);
  *value = (PetscBool)!strncmp(*at, "True", 4);
  if (!*value && strncmp(*at, "False", 5)) return PETSC_FALSE;
  *at += *value ? 4 : 5;
  return PETSC_TRUE;
}

static PetscBool AcceptSize(const char **at, PetscInt64 *value)
{
  PetscInt64 x = 0;

  SkipBlanks(at);
  if (**at < '0' || **at > '9') return PETSC_FALSE;
  for (; **at >= '0' && **at <= '9'; ++*at) {
    const int digit = **at - '0';

    if (x > (INT64_MAX - digit) / 10) return PETSC_FALSE;
    x = 10 * x + digit;
  }
  if (**at == 'L') ++*at; // a long integer of Python 2
  *value = x;
  return PETSC_TRUE;
}

static PetscBool AcceptShape(const char **at, NpyHeader *header)
{
  if (!Accept(at, '(')) return PETSC_FALSE;
  for (header->n_axes = 0; !Accept(at, ')'); ++header->n_axes) {
    if (header->n_axes == BRENIER_MAX_AXES || !AcceptSize(at, &header->shape[header->n_axes])) return PETSC_FALSE;
    if (Accept(at, ',')) continue;
    ++header->n_axes;
    return Accept(at, ')');
  }
  return PETSC_TRUE;
}

static PetscBool AcceptEntry(const char **at, NpyHeader *header)
{
  char key[32];

  if (!AcceptText(at, sizeof key, key) || !Accept(at, ':')) return PETSC_FALSE;
  if (!strcmp(key, "descr")) {
    SkipBlanks(at);
    header->structured = (PetscBool)(**at == '[');
    header->has_type   = PETSC_TRUE;
    return (PetscBool)(!header->structured && AcceptText(at, sizeof header->type, header->type));
  }
  if (!strcmp(key, "fortran_order")) return header->has_order = PETSC_TRUE, AcceptBool(at, &header->fortran_order);
  if (!strcmp(key, "shape")) return header->has_shape = PETSC_TRUE, AcceptShape(at, header);
  return PETSC_FALSE;
}

static PetscBool ParseHeader(const char text[], NpyHeader *header)
{
  const char *at = text;

  if (!Accept(&at, '{')) return PETSC_FALSE;
  while (!Accept(&at, '}')) {
    if (!AcceptEntry(&at, header)) return PETSC_FALSE;
    if (!Accept(&at, ',')) {
      if (!Accept(&at, '}')) return PETSC_FALSE;
      break;
    }
  }
  SkipBlanks(&at);
  return (PetscBool)(!*at && header->has_type && header->has_order && header->has_shape);
}

/* Reads magic, version and dictionary text (of `NPY_MAX_HEADER` + 1 bytes); sets the offset of the data. */
static void ReadHeaderText(BrenierArrayFile *file, int descriptor, char text[], BrenierFault *fault)
{
  unsigned char start[12] = {0};
  PetscInt64    length;
  int           prefix;

  if (!BrenierReadAt(descriptor, start, 10, 0) || (start[6] > 1 && !BrenierReadAt(descriptor, start, 12, 0))) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: truncated inside its .npy header; save it again", file->where);
    return;
  }
  if (start[6] < 1 || start[6] > 3) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: .npy version %d.%d is unknown; versions 1.0 to 3.0 are read",
                    file->where, start[6], start[7]);
    return;
  }
  prefix = start[6] == 1 ? 10 : 12;
  length = start[8] | (PetscInt64)start[9] << 8;
  if (start[6] > 1) length |= (PetscInt64)start[10] << 16 | (PetscInt64)start[11] << 24;
  file->data_offset = prefix + length;
  if (file->data_offset > file->file_bytes)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: truncated: its header ends at byte %" PetscInt64_FMT " but the file has %" PetscInt64_FMT
                    "; save it again",
                    file->where, file->data_offset, file->file_bytes);
  else if (length > NPY_MAX_HEADER)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: a .npy header of %" PetscInt64_FMT " bytes is more than any plain array has (limit %d)",
                    file->where, length, NPY_MAX_HEADER);
  else if (!BrenierReadAt(descriptor, text, (size_t)length, prefix))
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot read: %s", file->where, strerror(errno));
  else text[length] = '\0';
}

/* Number type as "<f4", ">i8", "|u1", "=f2" or "f4". */
static PetscBool SetType(BrenierArrayFile *file, const char type[])
{
  static const int digits[]  = {[2] = 11, [4] = 24, [8] = 53};
  const PetscBool  has_order = (PetscBool)(strchr("<>=|", type[0]) && type[0]);
  const char      *name      = type + (has_order ? 1 : 0);
  const char      *kinds = "fiub", *kind = name[0] ? strchr(kinds, name[0]) : NULL;
  const char      *sizes[] = {"248", "1248", "1248", "1"}; // of each kind

  if (!strcmp(name, "?")) kind = kinds + BRENIER_NUMBER_BOOL, name = "b1";
  if (!kind || !name[1] || !strchr(sizes[kind - kinds], name[1]) || name[2]) return PETSC_FALSE;
  file->number     = (BrenierNumberKind)(kind - kinds);
  file->item_bytes = name[1] - '0';
  file->digits     = file->number == BRENIER_NUMBER_FLOAT ? digits[file->item_bytes] : 64;
  file->big_endian = (PetscBool)(type[0] == '>');
  return PETSC_TRUE;
}

/* What else an array can hold, and what to do about it. */
static const char *DescribeType(const NpyHeader *header)
{
  const char *name = header->type + (header->type[0] && strchr("<>=|", header->type[0]) ? 1 : 0);

  if (header->structured) return "records (a structured type); save its fields as the columns of a plain array";
  switch (name[0]) {
  case 'c':
    return "complex numbers; save their real and imaginary parts as columns";
  case 'f':
    return "floats wider than 64 bits; save array.astype(np.float64)";
  case 'S':
  case 'a':
  case 'U':
    return "text; save numbers";
  case 'O':
    return "Python objects; save a plain array of numbers";
  case 'M':
  case 'm':
    return "dates or times; save array.astype(np.int64)";
  case 'V':
    return "raw bytes (perhaps bfloat16); save array.astype(np.float32)";
  default:
    return "no numbers; save a plain array of numbers";
  }
}

/* First byte from `at` on that is not zero; the end of the file when there is none or it cannot be read. */
static PetscInt64 FindNonzero(const BrenierArrayFile *file, int descriptor, PetscInt64 at)
{
  unsigned char *buffer = (unsigned char *)malloc(NPY_BUFFER_BYTES);

  while (buffer && at < file->file_bytes) {
    const size_t count = (size_t)PetscMin((PetscInt64)NPY_BUFFER_BYTES, file->file_bytes - at);
    size_t       i     = 0;

    if (!BrenierReadAt(descriptor, buffer, count, at)) break;
    while (i < count && !buffer[i]) ++i;
    if (i < count) {
      free(buffer);
      return at + (PetscInt64)i;
    }
    at += (PetscInt64)count;
  }
  free(buffer);
  return file->file_bytes;
}

/* Checks the bytes behind the array, which np.load() ignores: zeros are padding, anything else is data that would be
   lost. */
static void CheckRest(BrenierArrayFile *file, int descriptor, PetscInt64 end, BrenierFault *fault)
{
  const PetscInt64 rest = FindNonzero(file, descriptor, end);
  char             magic[6];

  if (rest >= file->file_bytes)
    snprintf(file->notice, sizeof file->notice, "%s: passes over %" PetscInt64_FMT " byte%s of zeros behind its array",
             file->where, file->file_bytes - end, BrenierPlural(file->file_bytes - end));
  else if (BrenierReadAt(descriptor, magic, sizeof magic, rest) && !memcmp(magic, "\x93NUMPY", sizeof magic))
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: another array begins at byte %" PetscInt64_FMT ", behind the first of %" PetscInt64_FMT
                    " rows (np.save was called again on one open file); save all rows as one array, or each in a file",
                    file->where, rest, file->shape[0]);
  else
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: %" PetscInt64_FMT " bytes are behind the array of %" PetscInt64_FMT
                    " rows that its header promises (were rows appended?); save it again with all its rows",
                    file->where, file->file_bytes - end, file->shape[0]);
}

/* Compares what the shape promises with what the file has. */
static void CheckSize(BrenierArrayFile *file, int descriptor, BrenierFault *fault)
{
  const PetscInt64 there = file->file_bytes - file->data_offset;
  PetscInt64       bytes = file->item_bytes, row_bytes = file->item_bytes;

  for (int axis = 0; axis < file->n_axes; ++axis)
    if (file->shape[axis] == 0) return;
  for (int axis = file->n_axes - 1; axis >= 0; --axis) {
    row_bytes = bytes;
    if (!BrenierMultiply(bytes, file->shape[axis], &bytes)) bytes = INT64_MAX;
  }
  if (bytes > there)
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT,
                    "%s: truncated: its header promises %" PetscInt64_FMT "%s bytes of data, %" PetscInt64_FMT
                    " are missing, from row %" PetscInt64_FMT " on; copy or save it again",
                    file->where, bytes, bytes == INT64_MAX ? " or more" : "", bytes - there, there / row_bytes);
  else if (bytes < there && file->n_axes > 0) CheckRest(file, descriptor, file->data_offset + bytes, fault);
}

static void InterpretHeader(BrenierArrayFile *file, int descriptor, const char text[], BrenierFault *fault)
{
  NpyHeader       header = {.n_axes = 0};
  const PetscBool whole  = ParseHeader(text, &header);

  if (header.structured || (whole && !SetType(file, header.type))) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: is of type '%s': %s", file->where,
                    header.structured ? "structured" : header.type, DescribeType(&header));
  } else if (!whole) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: its .npy header is damaged: %.100s", file->where, text);
  } else if (header.fortran_order && header.n_axes > 1) {
    BrenierFaultSet(fault, BRENIER_EXIT_INPUT, "%s: stored in Fortran order; save np.ascontiguousarray(array) instead",
                    file->where);
  } else {
    file->n_axes = header.n_axes;
    memcpy(file->shape, header.shape, sizeof file->shape);
    CheckSize(file, descriptor, fault);
  }
}

void BrenierNpyInspect(BrenierArrayFile *file, BrenierFault *fault)
{
  char      text[NPY_MAX_HEADER + 1];
  const int descriptor = open(file->file, O_RDONLY | O_CLOEXEC);

  if (descriptor < 0) {
    BrenierFaultSet(fault, BRENIER_EXIT_IO, "%s: cannot open: %s", file->where, strerror(errno));
    return;
  }
  ReadHeaderText(file, descriptor, text, fault);
  if (!fault->kind) InterpretHeader(file, descriptor, text, fault);
  close(descriptor);
}
