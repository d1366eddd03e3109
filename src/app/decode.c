/* decode.c - brenier decode: codes back to data, by the mean and components that encode wrote. */
#include "codes.h"

#define DECODE_OPTIONS(OWN)                                                                                            \
  OWN(INPUT, codes, "-codes", "FILE", .rule = "the codes in CODES.h5",                                                 \
      .text = "codes to decode: FILE or FILE.h5:/dataset")                                                             \
  OWN(OUTPUT, output, "-o", "DATA.h5", .format = "brenier-data", .needed = PETSC_TRUE, .text = "file to write: /data")

typedef struct {
  DECODE_OPTIONS(BRENIER_OPTION_MEMBER)
} DecodeRequest;

#define ROW(...) BRENIER_OPTION_ROW(DecodeRequest, __VA_ARGS__)
static const BrenierOption decode_options[] = {DECODE_OPTIONS(ROW) BRENIER_ARRAY_OPTIONS BRENIER_OPTION_END};

/* Reads a dataset that every rank needs as a whole: rank 0 reads it all, which verifies its checksum, and sends it. */
static PetscErrorCode ReadForAll(MPI_Comm comm, BrenierStore store, const char name[], PetscInt n, PetscInt dim,
                                 PetscReal x[])
{
  PetscMPIInt rank, count;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(BrenierStoreReadRows(store, name, BRENIER_F8, 0, rank == 0 ? n : 0, x));
  PetscCall(PetscMPIIntCast(n * PetscMax(1, dim), &count));
  PetscCallMPI(MPI_Bcast(x, count, MPIU_REAL, 0, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadCoder(MPI_Comm comm, BrenierStore store, const char path[], BrenierCoder *coder)
{
  PetscInt64 d, p;
  PetscInt   width, none;

  PetscFunctionBegin;
  PetscCall(BrenierStoreGetShape(store, "/components", &d, &width));
  PetscCall(BrenierStoreGetShape(store, "/mean", &p, &none));
  PetscCheck(d >= 1 && width >= 1 && p == width && !none && d * width <= PETSC_MPI_INT_MAX, comm,
             PETSC_ERR_FILE_UNEXPECTED, "%s: /components and /mean are missing or do not fit together; encode again",
             path);
  PetscCall(BrenierCoderCreate(width, (PetscInt)d, coder));
  PetscCall(ReadForAll(comm, store, "/mean", coder->p, 0, coder->mean));
  PetscCall(ReadForAll(comm, store, "/components", coder->d, coder->p, coder->component));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode OpenCoder(MPI_Comm comm, const char path[], BrenierCoder *coder)
{
  BrenierStore store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreOpen(comm, path, "brenier-codes", &store));
  PetscCall(ReadCoder(comm, store, path, coder));
  PetscCall(BrenierStoreDestroy(&store));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Decodes this rank's rows slab by slab into single precision. */
static PetscErrorCode DecodeRows(const BrenierArray *codes, const BrenierCoder *coder, float data[])
{
  const PetscInt slab = PetscMin(BrenierCoderSlab(coder), codes->n_local);
  PetscReal     *x;
  PetscBool      fits  = PETSC_TRUE;
  BrenierFault   fault = {0};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)slab * (size_t)coder->p, &x));
  for (PetscInt i = 0; i < codes->n_local; i += slab) {
    const PetscInt rows = PetscMin(slab, codes->n_local - i);

    PetscCall(BrenierPrincipalDecode(rows, coder->p, coder->d, coder->mean, coder->component,
                                     codes->value + (size_t)i * (size_t)coder->d, x));
    fits =
        (PetscBool)(BrenierToSingle((size_t)rows * (size_t)coder->p, x, data + (size_t)i * (size_t)coder->p) && fits);
  }
  PetscCall(PetscFree(x));
  if (!fits)
    BrenierFaultSet(
        &fault, BRENIER_EXIT_INPUT,
        "%s: decoded data exceed single precision (3.4e38); decode with the file that encode made for these codes",
        codes->path);
  PetscCall(BrenierFaultAgree(codes->comm, &fault));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteData(const char path[], const BrenierArray *codes, const char encoder[],
                                const BrenierCoder *coder, const float data[])
{
  const PetscInt64 bytes = (PetscInt64)codes->n * coder->p * (PetscInt64)sizeof(float);
  BrenierStore     store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(codes->comm, path, bytes, "brenier-data", &store));
  PetscCall(
      BrenierStoreWriteRows(store, "/data", BRENIER_F4, codes->n_local, coder->p, data, "same as the encoded data"));
  PetscCall(BrenierSetOrigin(store, codes->path, codes->file_bytes, codes->hash));
  PetscCall(BrenierStoreSetText(store, "/", "encoder", encoder));
  PetscCall(BrenierStoreSetInt(store, "/", "rows", codes->n));
  PetscCall(BrenierStoreSetInt(store, "/", "features", coder->p));
  PetscCall(BrenierStoreSetInt(store, "/", "dim", coder->d));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From codes in memory to the file of data. */
static PetscErrorCode Decode(const BrenierArray *codes, const char encoder[], const BrenierCoder *coder,
                             const char path[], PetscReal start)
{
  float *data;

  PetscFunctionBegin;
  PetscCheck(codes->dim == coder->d, codes->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: has codes of dimension %" PetscInt_FMT ", the encoder in %s has %" PetscInt_FMT
             " component%s; decode with the file that encode made for these codes",
             codes->path, codes->dim, encoder, coder->d, BrenierPlural(coder->d));
  PetscCall(PetscMalloc1((size_t)codes->n_local * (size_t)coder->p, &data));
  PetscCall(DecodeRows(codes, coder, data));
  PetscCall(WriteData(path, codes, encoder, coder, data));
  PetscCall(PetscFree(data));
  PetscCall(BrenierPrintWorld(
      "decoded %" PetscInt_FMT " code%s of dimension %" PetscInt_FMT " from %s into %" PetscInt_FMT " feature%s",
      codes->n, BrenierPlural(codes->n), codes->dim, codes->path, coder->p, BrenierPlural(coder->p)));
  PetscCall(BrenierPrintWorld("wrote %s in %.1f s; its data are %s:/data", path, (double)(MPI_Wtime() - start), path));
  PetscCall(BrenierLogEvent("decode", "s path", codes->path, "i rows", (PetscInt64)codes->n, "i dim",
                            (PetscInt64)coder->d, "i features", (PetscInt64)coder->p, "s output", path, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunDecode(const char *const argument[], BrenierExit *outcome)
{
  const MPI_Comm  comm  = PETSC_COMM_WORLD;
  const PetscReal start = MPI_Wtime();
  DecodeRequest   r     = {0};
  BrenierCoder    coder;
  BrenierArray    codes;

  PetscFunctionBegin;
  PetscCall(BrenierOptionsRead(decode_options, &r));
  PetscCall(OpenCoder(comm, argument[0], &coder));
  if (!r.codes[0]) PetscCall(PetscSNPrintf(r.codes, sizeof r.codes, "%s:/codes", argument[0]));
  PetscCall(BrenierArrayRead(comm, r.codes, BRENIER_ARRAY_POINTS, &codes));
  PetscCall(Decode(&codes, argument[0], &coder, r.output, start));
  PetscCall(BrenierArrayDestroy(&codes));
  PetscCall(BrenierCoderDestroy(&coder));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const decode_example[] = {
    "Decode the codes of sample to images:",
    "mpiexec -n 2 brenier decode codes.h5 -codes samples.h5:/code -o decoded.h5", NULL};

const BrenierCommand brenier_command_decode = {
    .name        = "decode",
    .arguments   = "CODES.h5",
    .n_arguments = 1,
    .summary     = "codes back to data, by the linear auto-encoder of encode",
    .description = "CODES.h5 holds the auto-encoder. It decodes codes of any origin that have its dimension.",
    .files       = "CODES.h5 is written by encode. DATA.h5 holds /data, a row for each code.",
    .example     = decode_example,
    .see_also    = "encode sample",
    .option      = decode_options,
    .run         = RunDecode};
