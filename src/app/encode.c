/*
  encode.c - brenier encode: the linear auto-encoder, data to codes by principal components.

  What it claims of the codes is measured on them: every row is decoded again from its code as stored, in single
  precision, and compared.
*/
#include "codes.h"

#define ENCODE_OPTIONS(OWN)                                                                                            \
  OWN(INT, dim, "-dim", "D", .low = 1, .high = BRENIER_MOST_COUNT, .needed = PETSC_TRUE,                               \
      .text = "dimension of the codes: number of principal components")                                                \
  OWN(OUTPUT, output, "-o", "CODES.h5", .format = "brenier-codes", .needed = PETSC_TRUE,                               \
      .text = "file to write: /codes, /mean, /components, /variance")

typedef struct {
  ENCODE_OPTIONS(BRENIER_OPTION_MEMBER)
} EncodeRequest;

#define ROW(...) BRENIER_OPTION_ROW(EncodeRequest, __VA_ARGS__)
static const BrenierOption encode_options[] = {ENCODE_OPTIONS(ROW) BRENIER_ARRAY_OPTIONS BRENIER_OPTION_END};

/* Components with less than this fraction of the largest variance hold rounding noise, not data. */
static const PetscReal brenier_flat_component = 1e-12;

/* What became of the data. */
typedef struct {
  PetscReal        *variance; /* owned, [p] */
  PetscReal         kept;     /* share of the variance in the d components */
  PetscReal         error;    /* root mean square of row - decoded row over that of row - mean */
  PetscInt          n_flat;   /* components of the d without variance */
  BrenierEigenCheck check;
} EncodeReport;

static PetscErrorCode CheckDimension(const BrenierArray *data, PetscInt64 d)
{
  PetscFunctionBegin;
  PetscCheck(d <= data->dim, data->comm, PETSC_ERR_USER_INPUT,
             "-dim %" PetscInt64_FMT " is more than the %" PetscInt_FMT
             " feature%s of a row of %s; choose at most %" PetscInt_FMT,
             d, data->dim, BrenierPlural(data->dim), data->path, data->dim);
  PetscCheck(d <= data->n - 1, data->comm, PETSC_ERR_USER_INPUT,
             "-dim %" PetscInt64_FMT " needs at least %" PetscInt64_FMT " rows, %s has %" PetscInt_FMT
             "; choose a smaller -dim or give more data",
             d, d + 1, data->path, data->n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Shares of variance, and how many of the d components have none. */
static PetscErrorCode CheckComponents(const BrenierArray *data, PetscInt d, EncodeReport *report)
{
  PetscReal total = 0.0, kept = 0.0;

  PetscFunctionBegin;
  PetscCheck(report->variance[0] > 0.0, data->comm, PETSC_ERR_FILE_UNEXPECTED,
             "%s: all rows are equal, so there is nothing to encode; give data that vary", data->path);
  for (PetscInt k = data->dim - 1; k >= 0; --k) {
    total += report->variance[k];
    if (k < d) kept += report->variance[k];
    if (k < d && report->variance[k] < brenier_flat_component * report->variance[0]) ++report->n_flat;
  }
  report->kept = kept / total;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscReal SquareDistance(PetscInt p, const PetscReal x[], const PetscReal y[])
{
  PetscReal sum = 0.0;

  for (PetscInt k = 0; k < p; ++k) sum += PetscSqr(x[k] - y[k]);
  return sum;
}

/* Encodes one slab of rows into `code`, decodes it from there, and measures of each row lost = |x - decoded|^2 and
   spread = |x - mean|^2. */
static PetscErrorCode EncodeSlab(const BrenierCoder *coder, PetscInt rows, const PetscReal x[], float code[],
                                 PetscReal lost[], PetscReal spread[], PetscBool *fits)
{
  const size_t n_codes = (size_t)rows * (size_t)coder->d;
  PetscReal   *exact, *decoded;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n_codes, &exact, (size_t)rows * (size_t)coder->p, &decoded));
  PetscCall(BrenierPrincipalEncode(rows, coder->p, coder->d, coder->mean, coder->component, x, exact));
  *fits = (PetscBool)(BrenierToSingle(n_codes, exact, code) && *fits);
  for (size_t i = 0; i < n_codes; ++i) exact[i] = (PetscReal)code[i];
  PetscCall(BrenierPrincipalDecode(rows, coder->p, coder->d, coder->mean, coder->component, exact, decoded));
  for (PetscInt i = 0; i < rows; ++i) {
    const size_t at = (size_t)i * (size_t)coder->p;

    lost[i]   = SquareDistance(coder->p, x + at, decoded + at);
    spread[i] = SquareDistance(coder->p, x + at, coder->mean);
  }
  PetscCall(PetscFree2(exact, decoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encodes this rank's rows slab by slab and measures the reconstruction over all ranks. */
static PetscErrorCode EncodeRows(const BrenierArray *data, const BrenierCoder *coder, float code[], PetscReal *error)
{
  const PetscInt slab = BrenierCoderSlab(coder);
  PetscReal     *square, sum[2];
  PetscBool      fits  = PETSC_TRUE;
  BrenierFault   fault = {0};

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(2 * (size_t)data->n_local, &square));
  for (PetscInt i = 0; i < data->n_local; i += slab)
    PetscCall(EncodeSlab(coder, PetscMin(slab, data->n_local - i), data->value + (size_t)i * (size_t)coder->p,
                         code + (size_t)i * (size_t)coder->d, square + i, square + data->n_local + i, &fits));
  if (!fits)
    BrenierFaultSet(&fault, BRENIER_EXIT_INPUT, "%s: codes exceed single precision (3.4e38); scale the data down",
                    data->path);
  PetscCall(BrenierFaultAgree(data->comm, &fault));
  PetscCall(BrenierExactSum(data->comm, data->n_local, 2, square, sum));
  *error = PetscSqrtReal(sum[0] / sum[1]);
  PetscCall(PetscFree(square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What every rank knows is written from rank 0, as a block of rows of which the others have none. */
static PetscErrorCode WriteFromRoot(BrenierStore store, MPI_Comm comm, const char name[], PetscInt n, PetscInt dim,
                                    const PetscReal x[], const char unit[])
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(BrenierStoreWriteRows(store, name, BRENIER_F8, rank == 0 ? n : 0, dim, x, unit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteCodes(const char path[], const BrenierArray *data, const BrenierCoder *coder,
                                 const float code[], const EncodeReport *report)
{
  const PetscInt64 bytes = (PetscInt64)data->n * coder->d * (PetscInt64)sizeof(float) +
                           ((PetscInt64)coder->d + 2) * coder->p * (PetscInt64)sizeof(PetscReal);
  BrenierStore store;

  PetscFunctionBegin;
  PetscCall(BrenierStoreCreate(data->comm, path, bytes, "brenier-codes", &store));
  PetscCall(BrenierStoreWriteRows(store, "/codes", BRENIER_F4, data->n_local, coder->d, code, "same as the input"));
  PetscCall(WriteFromRoot(store, data->comm, "/mean", coder->p, 0, coder->mean, "same as the input"));
  PetscCall(WriteFromRoot(store, data->comm, "/components", coder->d, coder->p, coder->component, "dimensionless"));
  PetscCall(WriteFromRoot(store, data->comm, "/variance", coder->p, 0, report->variance, "square of the input's"));
  PetscCall(BrenierSetOrigin(store, data->path, data->file_bytes, data->hash));
  PetscCall(BrenierStoreSetInt(store, "/", "rows", data->n));
  PetscCall(BrenierStoreSetInt(store, "/", "features", coder->p));
  PetscCall(BrenierStoreSetInt(store, "/", "dim", coder->d));
  PetscCall(BrenierStoreSetReal(store, "/", "variance_kept", report->kept));
  PetscCall(BrenierStoreSetReal(store, "/", "reconstruction_error", report->error));
  PetscCall(BrenierStoreSetReal(store, "/", "eigen_residual", report->check.residual));
  PetscCall(BrenierStoreSetReal(store, "/", "eigen_orthogonality", report->check.orthogonality));
  PetscCall(BrenierStoreCommit(&store, "complete"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintReport(const char path[], const BrenierCoder *coder, const EncodeReport *report,
                                  PetscReal seconds)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld(
      "variance kept %.4f%%, reconstruction error %.3g%% (root mean square, relative to the spread about the mean)",
      100.0 * (double)report->kept, 100.0 * (double)report->error));
  if (report->n_flat)
    PetscCall(BrenierPrintWorld("notice: the data vary in %" PetscInt_FMT
                                " direction%s only, with rounding noise in the other %" PetscInt_FMT " component%s",
                                coder->d - report->n_flat, BrenierPlural(coder->d - report->n_flat), report->n_flat,
                                BrenierPlural(report->n_flat)));
  PetscCall(BrenierPrintWorld("eigenproblem of order %" PetscInt_FMT ": residual %.1e, loss of orthogonality %.1e",
                              coder->p, (double)report->check.residual, (double)report->check.orthogonality));
  PetscCall(BrenierPrintWorld("wrote %s in %.1f s; its codes are %s:/codes", path, (double)seconds, path));
  PetscCall(BrenierLogEvent("encode", "i dim", (PetscInt64)coder->d, "r variance_kept", report->kept,
                            "r reconstruction_error", report->error, "r eigen_residual", report->check.residual,
                            "r eigen_orthogonality", report->check.orthogonality, "s output", path, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From data in memory to the file of codes. */
static PetscErrorCode Encode(const BrenierArray *data, PetscInt d, const char path[], PetscReal start)
{
  float       *code;
  BrenierCoder coder;
  EncodeReport report = {0};

  PetscFunctionBegin;
  PetscCall(BrenierCoderCreate(data->dim, d, &coder));
  PetscCall(PetscMalloc2(data->dim, &report.variance, (size_t)data->n_local * (size_t)d, &code));
  PetscCall(BrenierPrincipalComponents(data->comm, data->n_local, coder.p, data->value, d,
                                       &(BrenierPrincipal){coder.mean, coder.component, report.variance},
                                       &report.check));
  PetscCall(CheckComponents(data, d, &report));
  PetscCall(EncodeRows(data, &coder, code, &report.error));
  PetscCall(WriteCodes(path, data, &coder, code, &report));
  PetscCall(PrintReport(path, &coder, &report, MPI_Wtime() - start));
  PetscCall(PetscFree2(report.variance, code));
  PetscCall(BrenierCoderDestroy(&coder));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RunEncode(const char *const argument[], BrenierExit *outcome)
{
  const PetscReal start = MPI_Wtime();
  EncodeRequest   r     = {0};
  BrenierArray    data;

  PetscFunctionBegin;
  PetscCall(BrenierOptionsRead(encode_options, &r));
  PetscCall(BrenierArrayRead(PETSC_COMM_WORLD, argument[0], BRENIER_ARRAY_DATA, &data));
  PetscCall(BrenierPrintWorld(
      "read %" PetscInt_FMT " row%s of %" PetscInt_FMT " feature%s from %s; keeping %" PetscInt64_FMT " component%s",
      data.n, BrenierPlural(data.n), data.dim, BrenierPlural(data.dim), data.path, r.dim, BrenierPlural(r.dim)));
  PetscCall(BrenierLogEvent("read", "s path", data.path, "i rows", (PetscInt64)data.n, "i features",
                            (PetscInt64)data.dim, NULL));
  PetscCall(CheckDimension(&data, r.dim));
  PetscCall(Encode(&data, (PetscInt)r.dim, r.output, start));
  PetscCall(BrenierArrayDestroy(&data));
  *outcome = BRENIER_EXIT_DONE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *const encode_example[] = {"Code 28 x 28 images by 32 numbers each:",
                                             "mpiexec -n 2 brenier encode images.h5:/images -dim 32 -o codes.h5", NULL};

const BrenierCommand brenier_command_encode = {
    .name        = "encode",
    .arguments   = "DATA",
    .n_arguments = 1,
    .summary     = "data to codes by principal components, a linear auto-encoder",
    .description = "Each row of DATA, flattened, is one point. Its code holds its D largest principal components. "
                   "decode maps codes back.",
    .files       = "DATA is file.npy or file.h5:/dataset. CODES.h5 holds /codes, /mean, /components and /variance.",
    .example     = encode_example,
    .see_also    = "solve decode",
    .option      = encode_options,
    .run         = RunEncode};
