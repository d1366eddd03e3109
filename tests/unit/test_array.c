static const char help[] =
    "Checks what is read from .npy and HDF5 files, on any number of ranks, and every documented error.\n";

#define _POSIX_C_SOURCE 200809L
#include "expect.h"

#include <brenier/array.h>
#include <brenier/store.h>

#include <hdf5.h>
#include <math.h>
#include <stdint.h>

/* A file with this .npy header of version 1 to 3 and these bytes behind it; written by rank 0. */
static PetscErrorCode WriteNpy(const char name[], int version, const char dictionary[], const void *data, size_t bytes)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    const size_t length = strlen(dictionary) + 1;
    FILE        *file   = fopen(Path(name), "wb");

    PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "cannot write %s", name);
    fwrite("\x93NUMPY", 1, 6, file);
    fputc(version, file);
    fputc(0, file);
    for (size_t i = 0; i < (version == 1 ? 2 : 4); ++i) fputc((int)(length >> 8 * i & 255), file);
    fprintf(file, "%s\n", dictionary);
    if (bytes) fwrite(data, 1, bytes, file);
    fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A file of any bytes. */
static PetscErrorCode WriteBytes(const char name[], const char bytes[], size_t length)
{
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    FILE *file = fopen(Path(name), "wb");

    PetscCheck(file && fwrite(bytes, 1, length, file) == length, PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE,
               "cannot write %s", name);
    fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the points below, from the definition of BrenierArray.hash; recorded in files, so it must not change. */
static const PetscInt64 hash_of_values = 3675381924004611043;

enum { N_ROWS = 17, DIM = 3, N_VALUES = N_ROWS * DIM };

/* Exact in half precision. */
static PetscReal Value(PetscInt i)
{
  return (PetscReal)(i - 20) / 4.0;
}

/* Value(i) as IEEE 754 bits of `bytes` bytes: from double by arithmetic that is independent of the reader's. */
static uint64_t Bits(PetscInt i, int bytes)
{
  const double x = Value(i);
  const float  y = (float)x;
  uint64_t     wide;
  uint32_t     narrow;

  memcpy(&wide, &x, sizeof wide);
  memcpy(&narrow, &y, sizeof narrow);
  if (bytes == 8) return wide;
  if (bytes == 4) return narrow;
  if (x == 0.0) return 0;
  return (narrow >> 16 & 0x8000) | ((((narrow >> 23 & 255) - 127 + 15) << 10) & 0x7c00) | (narrow >> 13 & 0x3ff);
}

static void Encode(int bytes, PetscBool big_endian, unsigned char to[])
{
  for (PetscInt i = 0; i < N_VALUES; ++i)
    for (int b = 0; b < bytes; ++b)
      to[i * bytes + b] = (unsigned char)(Bits(i, bytes) >> 8 * (big_endian ? bytes - 1 - b : b));
}

/* Reads `where` and compares with Value(); the hash must be `*hash`, or becomes it when that is zero. */
static PetscErrorCode ExpectValues(const char where[], BrenierArrayRole role, PetscInt n, PetscInt dim,
                                   PetscInt64 *hash)
{
  BrenierArray array;
  PetscInt     total = 0;

  PetscFunctionBeginUser;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, where, role, &array));
  PetscCheck(array.n == n && array.dim == dim, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: shape %" PetscInt_FMT " x %" PetscInt_FMT, where, array.n, array.dim);
  PetscCallMPI(MPI_Allreduce(&array.n_local, &total, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCheck(total == n, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s: %" PetscInt_FMT " rows in all", where, total);
  for (PetscInt i = 0; i < array.n_local * dim; ++i)
    PetscCheck(array.value[i] == Value(array.first * dim + i), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s: value %" PetscInt_FMT " is %g", where, array.first * dim + i, array.value[i]);
  if (!*hash) *hash = array.hash;
  PetscCheck(array.hash == *hash && !strcmp(array.path, where) && array.file_bytes > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB,
             "%s: hash %" PetscInt64_FMT " instead of %" PetscInt64_FMT, where, array.hash, *hash);
  PetscCall(BrenierArrayDestroy(&array));
  PetscCall(BrenierArrayDestroy(&array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every type, byte order and version gives the same values and the same hash; the hash is known for any rank count. */
static PetscErrorCode TestNpyTypes(void)
{
  static const int sizes[] = {2, 4, 8};
  unsigned char    data[N_VALUES * 8];
  char             dictionary[256];
  PetscInt64       hash = hash_of_values;

  PetscFunctionBeginUser;
  for (int s = 0; s < 3; ++s)
    for (int version = 1; version <= 3; ++version) {
      const PetscBool big = (PetscBool)(version != 2);

      Encode(sizes[s], big, data);
      snprintf(dictionary, sizeof dictionary, "{'descr': '%cf%d', 'fortran_order': False, 'shape': (%d, %d), }",
               big ? '>' : '<', sizes[s], N_ROWS, DIM);
      PetscCall(WriteNpy("a.npy", version, dictionary, data, N_VALUES * (size_t)sizes[s]));
      PetscCall(ExpectValues(Path("a.npy"), BRENIER_ARRAY_POINTS, N_ROWS, DIM, &hash));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Number i of an integer type, with the least and the largest among them. */
static uint64_t Integer(PetscInt i, PetscBool is_signed, int bytes)
{
  const uint64_t largest = UINT64_MAX >> (64 - 8 * bytes) >> is_signed;

  if (i == 0) return is_signed ? ~largest : 0;
  return i == 1 ? largest : (uint64_t)i - (is_signed ? 20 : 0);
}

static void EncodeIntegers(PetscBool is_signed, int bytes, PetscBool big_endian, unsigned char to[])
{
  for (PetscInt i = 0; i < N_VALUES; ++i)
    for (int b = 0; b < bytes; ++b)
      to[i * bytes + b] = (unsigned char)(Integer(i, is_signed, bytes) >> 8 * (big_endian ? bytes - 1 - b : b));
}

/* The integers of one type, as numbers and, to the last digit, as labels. */
static PetscErrorCode ExpectIntegers(PetscBool is_signed, int bytes)
{
  BrenierArray array;

  PetscFunctionBeginUser;
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, Path("i.npy"), BRENIER_ARRAY_DATA, &array));
  for (PetscInt i = 0; i < array.n_local; ++i) {
    const uint64_t x = Integer(array.first + i, is_signed, bytes);

    PetscCheck(array.value[i] == (is_signed ? (PetscReal)(int64_t)x : (PetscReal)x), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%d bytes: number %" PetscInt_FMT " is %g", bytes, array.first + i, array.value[i]);
  }
  PetscCall(BrenierArrayDestroy(&array));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, Path("i.npy"), BRENIER_ARRAY_LABELS, &array));
  PetscCheck(array.past_signed == (!is_signed && bytes == 8), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d bytes: wrong range",
             bytes);
  for (PetscInt i = 0; i < array.n_local; ++i)
    PetscCheck((uint64_t)array.whole[i] == Integer(array.first + i, is_signed, bytes), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%d bytes: label %" PetscInt_FMT " is %" PetscInt64_FMT, bytes, array.first + i, array.whole[i]);
  PetscCall(BrenierArrayDestroy(&array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestIntegers(void)
{
  unsigned char data[N_VALUES * 8];
  char          dictionary[256];

  PetscFunctionBeginUser;
  for (int bytes = 1; bytes <= 8; bytes *= 2)
    for (int kind = 0; kind < 4; ++kind) {
      const PetscBool is_signed = (PetscBool)(kind & 1), big = (PetscBool)(kind >> 1);

      EncodeIntegers(is_signed, bytes, big, data);
      snprintf(dictionary, sizeof dictionary, "{'descr': '%c%c%d', 'fortran_order': False, 'shape': (%d,), }",
               bytes == 1 ? '|'
               : big      ? '>'
                          : '<',
               is_signed ? 'i' : 'u', bytes, N_VALUES);
      PetscCall(WriteNpy("i.npy", 1, dictionary, data, N_VALUES * (size_t)bytes));
      PetscCall(ExpectIntegers(is_signed, bytes));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Roles, odd but legal spellings, padding behind the data. */
static PetscErrorCode TestNpyShapes(void)
{
  unsigned char data[N_VALUES * 8];
  PetscInt64    points = 0, weights = 0;

  PetscFunctionBeginUser;
  Encode(8, PETSC_FALSE, data);
  PetscCall(WriteNpy("a.npy", 1, "{\"shape\":(17L,3L,),'fortran_order' : False,'descr':'f8'}", data, sizeof data));
  PetscCall(ExpectValues(Path("a.npy"), BRENIER_ARRAY_POINTS, N_ROWS, DIM, &points));
  PetscCall(WriteNpy("a.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3, 1), }", data, sizeof data));
  PetscCall(ExpectValues(Path("a.npy"), BRENIER_ARRAY_DATA, N_ROWS, DIM, &points));
  PetscCall(WriteNpy("w.npy", 1, "{'descr': '<f8', 'fortran_order': True, 'shape': (17,), }", data, N_ROWS * 8));
  PetscCall(ExpectValues(Path("w.npy"), BRENIER_ARRAY_WEIGHTS, N_ROWS, 1, &weights));
  PetscCall(WriteNpy("w.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (17, 1), }", data, N_ROWS * 8));
  PetscCall(ExpectValues(Path("w.npy"), BRENIER_ARRAY_WEIGHTS, N_ROWS, 1, &weights));
  memset(data + N_ROWS * 8, 0, 100);
  PetscCall(WriteNpy("w.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (17,), }", data, N_ROWS * 8 + 100));
  PetscCall(ExpectValues(Path("w.npy"), BRENIER_ARRAY_WEIGHTS, N_ROWS, 1, &weights));
  weights = 0;
  PetscCall(WriteNpy("w.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", data, 16));
  PetscCall(ExpectValues(Path("w.npy"), BRENIER_ARRAY_WEIGHTS, 2, 1, &weights));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All finite half floats against their definition, and the others refused. */
static PetscErrorCode TestHalfFloats(void)
{
  const char   words[] = "{'descr': '<f2', 'fortran_order': False, 'shape': (63488, 1)}";
  uint16_t    *half;
  PetscInt     n = 0;
  BrenierArray array;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(65536, &half));
  for (PetscInt bits = 0; bits < 65536; ++bits)
    if ((bits & 0x7c00) != 0x7c00) half[n++] = (uint16_t)bits;
  PetscCall(WriteNpy("half.npy", 1, words, half, 2 * (size_t)n));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, Path("half.npy"), BRENIER_ARRAY_POINTS, &array));
  for (PetscInt i = 0; i < array.n_local; ++i) {
    const int       bits     = half[array.first + i];
    const int       exponent = bits >> 10 & 31;
    const PetscReal size     = ldexp((bits & 1023) + (exponent ? 1024 : 0), (exponent ? exponent : 1) - 25);

    PetscCheck(array.value[i] == (bits & 0x8000 ? -size : size), PETSC_COMM_SELF, PETSC_ERR_PLIB, "half %x is %g", bits,
               array.value[i]);
  }
  PetscCall(BrenierArrayDestroy(&array));
  half[40000] = 0x7c00;
  half[50000] = 0x7e01;
  PetscCall(WriteNpy("half.npy", 1, words, half, 2 * (size_t)n));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("half.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "row 40000, column 0 (counted from 0) is infinite");
  half[40000] = 0xfc01;
  PetscCall(WriteNpy("half.npy", 1, words, half, 2 * (size_t)n));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("half.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "row 40000, column 0 (counted from 0) is NaN");
  PetscCall(PetscFree(half));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Headers that must be refused, and words that say why. 408 bytes are behind each, the last of them not zero. */
static PetscErrorCode TestBadHeaders(void)
{
  static const struct {
    const char      *dictionary, *words;
    BrenierArrayRole role;
  } bad[] = {
      {"{'descr': '<f8', 'fortran_order': True, 'shape': (17, 3), }", "np.ascontiguousarray", BRENIER_ARRAY_POINTS},
      {"{'descr': '<i3', 'fortran_order': False, 'shape': (17, 3), }", "'<i3'", BRENIER_ARRAY_POINTS},
      {"{'descr': '<c16', 'fortran_order': False, 'shape': (17, 3), }", "complex", BRENIER_ARRAY_POINTS},
      {"{'descr': '<M8[D]', 'fortran_order': False, 'shape': (17, 3), }", "np.int64", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (16, 3), }", "24 bytes are behind", BRENIER_ARRAY_POINTS},
      {"{'descr': '|O', 'fortran_order': False, 'shape': (17, 3), }", "'|O'", BRENIER_ARRAY_POINTS},
      {"{'descr': '', 'fortran_order': False, 'shape': (17, 3), }", "type ''", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f16', 'fortran_order': False, 'shape': (17, 3), }", "'<f16'", BRENIER_ARRAY_POINTS},
      {"{'descr': [('x', '<f8')], 'fortran_order': False, 'shape': (17,), }", "structured", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (17, -3), }", "damaged", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999, 3), }", "damaged",
       BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3), ", "damaged", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, }", "damaged", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8, 'fortran_order': False, 'shape': (17, 3)}", "damaged", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3)} and more", "damaged", BRENIER_ARRAY_POINTS},
      {"", "damaged", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (18, 3), }", "24 are missing", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "missing",
       BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 0), }", "is empty", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3), }", "is empty", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (51,), }", "[rows, dimension]", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3, 1), }", "3 axes", BRENIER_ARRAY_POINTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3), }", "must be [rows]", BRENIER_ARRAY_WEIGHTS},
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }", "0 axes", BRENIER_ARRAY_DATA},
  };
  char data[N_VALUES * 8] = {0};

  PetscFunctionBeginUser;
  data[sizeof data - 1] = 1;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    BrenierArray array;

    PetscCall(WriteNpy("bad.npy", 1, bad[i].dictionary, data, sizeof data));
    ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("bad.npy"), bad[i].role, &array), PETSC_ERR_FILE_UNEXPECTED,
                bad[i].words);
    PetscCheck(strstr(last_sentence, "bad.npy"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "no file in: %s", last_sentence);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More rows than a 32-bit PetscInt counts, in a file with a hole for data. */
static PetscErrorCode TestTooManyRows(void)
{
  const char   words[] = "{'descr': '<f2', 'fortran_order': False, 'shape': (2200000000, 1)}";
  PetscMPIInt  rank;
  BrenierArray array;

  PetscFunctionBeginUser;
  if (sizeof(PetscInt) > 4) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(WriteNpy("many.npy", 1, words, NULL, 0));
  if (rank == 0)
    PetscCheck(!truncate(Path("many.npy"), 4400000200), PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "cannot make a hole");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("many.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "64-bit indices");
  PetscCall(WriteNpy("wide.npy", 1, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 1000001)}", NULL, 0));
  if (rank == 0)
    PetscCheck(!truncate(Path("wide.npy"), 4100000), PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "cannot make a hole");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("wide.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "transposed");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TestBadFiles(void)
{
  static const struct {
    const char    *bytes, *words;
    size_t         length;
    PetscErrorCode code;
  } bad[] = {
      {"", "it is empty", 0, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPI\1\0v\0", "neither", 10, PETSC_ERR_FILE_UNEXPECTED},
      {"x", "neither", 1, PETSC_ERR_FILE_UNEXPECTED},
      {"PK\3\4 zip archive", "np.save", 15, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY", "truncated", 6, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY\1\0v", "truncated", 9, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY\2\0v\0", "truncated", 10, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY\1\0v\0{", "header ends at byte 128", 11, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY\2\0\xff\xff\xff\xff{", "header ends", 13, PETSC_ERR_FILE_UNEXPECTED},
      {"\x93NUMPY\4\0v\0\0\0{", "version 4.0", 13, PETSC_ERR_FILE_UNEXPECTED},
      {"\x89HDF\r\n\x1a\n and no more", "truncated or damaged", 20, PETSC_ERR_FILE_UNEXPECTED},
  };
  BrenierArray array;
  char        *large;
  char         place[600];

  PetscFunctionBeginUser;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; ++i) {
    PetscCall(WriteBytes("bad", bad[i].bytes, bad[i].length));
    ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("bad"), BRENIER_ARRAY_POINTS, &array), bad[i].code,
                bad[i].words);
  }
  PetscCall(PetscCalloc1(1 << 20, &large));
  memcpy(large, "\x93NUMPY\2\0\0\0\1\0", 12);
  PetscCall(WriteBytes("bad", large, 1 << 20));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("bad"), BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_UNEXPECTED,
              "header");
  memcpy(large, "\x93NUMPY\2\0\1\0\1\0", 12);
  PetscCall(WriteBytes("bad", large, 1 << 20));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("bad"), BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_UNEXPECTED,
              "limit 65536");
  PetscCall(PetscFree(large));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("absent.npy"), BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_OPEN,
              "No such file");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, folder, BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_OPEN,
              "not a file");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, "/dev/null", BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_OPEN,
              "not a file");
  snprintf(place, sizeof place, "%s:/x", Path("a.npy"));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, place, BRENIER_ARRAY_POINTS, &array), PETSC_ERR_FILE_UNEXPECTED,
              "leave out ':/x'");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One dataset with Value() in it, of HDF5 type `type`. */
static void AddDataset(hid_t file, const char name[], hid_t type, int n_axes, const hsize_t size[])
{
  PetscReal   value[N_VALUES];
  const hid_t space = H5Screate_simple(n_axes, size, NULL);
  const hid_t links = H5Pcreate(H5P_LINK_CREATE);
  hid_t       dataset;

  for (PetscInt i = 0; i < N_VALUES; ++i) value[i] = Value(i);
  H5Pset_create_intermediate_group(links, 1);
  dataset = H5Dcreate2(file, name, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
  if (H5Tget_class(type) != H5T_STRING) H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
  H5Dclose(dataset);
  H5Pclose(links);
  H5Sclose(space);
}

static PetscErrorCode WriteHdf5(const char name[])
{
  const hsize_t points[] = {N_ROWS, DIM}, weights[] = {N_ROWS}, images[] = {N_ROWS, 1, DIM};
  PetscMPIInt   rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) {
    const hid_t file = H5Fcreate(Path(name), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);

    AddDataset(file, "/codes", H5T_IEEE_F32BE, 2, points);
    AddDataset(file, "/mass", H5T_IEEE_F64LE, 1, weights);
    AddDataset(file, "/group/images", H5T_IEEE_F64BE, 3, images);
    AddDataset(file, "/group/whole", H5T_STD_I16LE, 2, points);
    AddDataset(file, "/words", H5T_C_S1, 2, points);
    H5Fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *Place(const char name[], const char dataset[])
{
  static char place[600];

  snprintf(place, sizeof place, "%s:%s", Path(name), dataset);
  return place;
}

static PetscErrorCode TestHdf5(void)
{
  PetscInt64   points = hash_of_values, weights = 0;
  BrenierArray array;

  PetscFunctionBeginUser;
  PetscCall(WriteHdf5("a.h5"));
  PetscCall(ExpectValues(Path("a.h5"), BRENIER_ARRAY_POINTS, N_ROWS, DIM, &points));
  PetscCall(ExpectValues(Place("a.h5", "/codes"), BRENIER_ARRAY_POINTS, N_ROWS, DIM, &points));
  PetscCall(ExpectValues(Place("a.h5", "/group/images"), BRENIER_ARRAY_DATA, N_ROWS, DIM, &points));
  PetscCall(ExpectValues(Path("a.h5"), BRENIER_ARRAY_WEIGHTS, N_ROWS, 1, &weights));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, Place("a.h5", "/group/whole"), BRENIER_ARRAY_POINTS, &array));
  for (PetscInt i = 0; i < array.n_local * DIM; ++i)
    PetscCheck(array.value[i] == trunc(Value(array.first * DIM + i)), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "integer %" PetscInt_FMT " is %g", i, array.value[i]);
  PetscCall(BrenierArrayDestroy(&array));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("a.h5"), BRENIER_ARRAY_DATA, &array), PETSC_ERR_FILE_UNEXPECTED,
              "/codes [17, 3], /mass [17]");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Place("a.h5", "/no/such"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "no dataset /no/such");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Place("a.h5", "/group"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "/group is a group");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Place("a.h5", "/words"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "real numbers");
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Place("a.h5", "/mass"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "1 axis");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Codes that Brenier stored are compared with their checksum: a turned bit of data is found. */
static PetscErrorCode TestStoredCodes(void)
{
  PetscMPIInt  rank, size;
  PetscReal    value[N_VALUES];
  PetscInt64   points = hash_of_values;
  BrenierStore store;
  BrenierArray array;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (PetscInt i = 0; i < N_VALUES; ++i) value[i] = Value(i);
  PetscCall(BrenierStoreCreate(PETSC_COMM_WORLD, Path("codes.h5"), sizeof value, "brenier-codes", &store));
  PetscCall(BrenierStoreWriteRows(store, "/codes", BRENIER_F8, rank == size - 1 ? N_ROWS : 0, DIM, value, "none"));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscCall(ExpectValues(Path("codes.h5"), BRENIER_ARRAY_POINTS, N_ROWS, DIM, &points));
  if (rank == 0) {
    const hid_t file    = H5Fopen(Path("codes.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    const hid_t dataset = H5Dopen2(file, "/codes", H5P_DEFAULT);

    value[5] += 1.0;
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    H5Dclose(dataset);
    H5Fclose(file);
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("codes.h5"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "checksum");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The lowest bad row counts, whichever rank has it. */
static PetscErrorCode TestNotFinite(void)
{
  PetscReal    data[N_VALUES];
  BrenierArray array;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < N_VALUES; ++i) data[i] = Value(i);
  data[14 * DIM + 1] = NAN;
  data[16 * DIM]     = NAN;
  PetscCall(WriteNpy("nan.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3)}", data, sizeof data));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("nan.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "row 14, column 1 (counted from 0) is NaN");
  data[2 * DIM + 2] = -INFINITY;
  PetscCall(WriteNpy("nan.npy", 1, "{'descr': '<f8', 'fortran_order': False, 'shape': (17, 3)}", data, sizeof data));
  ExpectError(BrenierArrayRead(PETSC_COMM_WORLD, Path("nan.npy"), BRENIER_ARRAY_POINTS, &array),
              PETSC_ERR_FILE_UNEXPECTED, "row 2, column 2 (counted from 0) is infinite");
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(MakeFolder());
  PetscCall(TestNpyTypes());
  PetscCall(TestIntegers());
  PetscCall(TestNpyShapes());
  PetscCall(TestHalfFloats());
  PetscCall(TestBadHeaders());
  PetscCall(TestTooManyRows());
  PetscCall(TestBadFiles());
  PetscCall(TestHdf5());
  PetscCall(TestStoredCodes());
  PetscCall(TestNotFinite());
  PetscCall(RemoveFolder());
  PetscCall(PetscFinalize());
  return 0;
}
