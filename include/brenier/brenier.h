/*
  brenier.h - The C library: semi-discrete optimal transport maps on a communicator of the caller's.

  This is the only header that is installed. It needs MPI and nothing else; names in small letters (brenier_solve) are
  public, all others are private to the library. docs/howto/from-c.md is a guide, examples/ has programs.

    brenier_context  a communicator, and what its owner decides: who prints, the log, threads, how to stop
    brenier_targets  weighted points y_i, from memory or from a file, rows in contiguous blocks over the ranks
    brenier_result   heights h_i, masses, barycentres and their measured error: a transport map
    brenier_facets   facets between the cells of a result

  Every object is made by one function and freed by another. A pointer that a function returns is borrowed from its
  object: it is valid until that is freed. Functions return a code; after another one than BRENIER_CODE_OK,
  brenier_message() has one sentence. The library prints nothing unless the context has a printer, and catches no signal
  unless asked to. It ends the processes only where memory is out on a rank that writes a checkpoint.

  Rows of targets and points lie where the caller has them, on any rank, in any number, 0 allowed. "Here" is this rank.
*/
#pragma once

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
  #define BRENIER_API extern "C" __attribute__((visibility("default")))
#else
  #define BRENIER_API extern __attribute__((visibility("default")))
#endif

/* Version of this header; brenier_version() is that of the library. */
#define BRENIER_VERSION_MAJOR 0
#define BRENIER_VERSION_MINOR 1
#define BRENIER_VERSION_PATCH 0

/* What functions return: the exit codes of the program. */
typedef enum {
  BRENIER_CODE_OK        = 0,
  BRENIER_CODE_BUG       = 1, /* not foreseen: please report it */
  BRENIER_CODE_ARGUMENT  = 2, /* an argument is wrong */
  BRENIER_CODE_INPUT     = 3, /* data or the content of a file are wrong */
  BRENIER_CODE_IO        = 4, /* a file is missing or unreadable, the disk is full */
  BRENIER_CODE_NUMERICAL = 5, /* no convergence where there should be */
  BRENIER_CODE_TOLERANCE = 6, /* the tolerance was not reached; there is a result */
  BRENIER_CODE_MEMORY    = 7, /* memory ran out */
  BRENIER_CODE_STOPPED   = 85 /* stopped; the checkpoint continues */
} brenier_code;

typedef struct brenier_context brenier_context;
typedef struct brenier_targets brenier_targets;
typedef struct brenier_result  brenier_result;
typedef struct brenier_facets  brenier_facets;

/* Prints one line, which comes without its newline, on rank 0. */
typedef void (*brenier_printer)(void *user, int is_warning, const char line[]);

typedef enum { BRENIER_DOUBLE, BRENIER_FLOAT } brenier_type;

/* Rows of numbers of this rank. {.data = y, .n = n, .dim = d} are n rows of d doubles, one after the other. */
typedef struct {
  const void  *data;   /* first number of the first row; NULL only when n is 0 */
  brenier_type type;   /* of the numbers */
  int64_t      n;      /* rows here */
  int64_t      dim;    /* numbers in a row, the same on all ranks; 1 for weights */
  int64_t      stride; /* from a row to the next, in numbers; 0 for dim */
  int          borrow; /* targets only. 1: no copy is made of contiguous doubles; they must stay until the targets are
                          freed, and the library may write to them, as equal rows are merged in place */
} brenier_rows;

/* What is asked of a solve; brenier_options_default() sets all. */
typedef struct {
  const char           *source; /* name of the source measure */
  double                tol;    /* for the upper end of the 95% interval of rho; 0: none, with `curves` */
  int64_t               curves; /* fixed size of the sample, tol is then for the code alone; 0: as many as tol needs */
  int64_t               held_out_curves; /* curves of a measurement; 0: as many as tol needs */
  int64_t               seed;            /* of all random numbers, 0 or more */
  int                   curves_only;     /* 1: masses by curves also where cells can be computed exactly */
  int                   max_iterations;  /* of Newton's method in a stage; 0: 50 with curves, 200 with exact cells */
  double                memory;          /* of a node for the sample, in 2^30 bytes; 0: 70% of what there is */
  double                max_time;        /* seconds; 0: no limit */
  const brenier_result *start;           /* begin with its heights, for the same or similar targets; NULL: none */
  const char           *output;          /* result file to write as well; NULL: none */
  const char           *checkpoint;      /* file to continue from after a stop; needs `output`; NULL: none */
  double                checkpoint_interval; /* seconds between two checkpoints */
  const char           *source_file; /* HDF5 file of the components of the source "mixture", as the option -source_file
                                        of the program; NULL: none */
} brenier_options;

/* A measurement of heights. w2, dual, primal and gap are explained in docs/reference/files.md. */
typedef struct {
  int64_t curves;                          /* size of the sample; 0: masses are exact */
  double  rho, rho_low, rho_high;          /* error of the masses, and its 95% interval */
  double  sampling_error;                  /* of the masses of this sample; rho does not contain it */
  double  tv;                              /* total variation, sum abs(w_i - nu_i) / 2 */
  double  largest_error;                   /* largest abs(w_i - nu_i) / nu_i */
  int64_t empty;                           /* cells that no curve met */
  double  energy;                          /* E(h) */
  double  w2, w2_bound_low, w2_bound_high; /* lower bound of the Wasserstein distance, estimated; its 95% interval */
  double  dual, dual_low, dual_high;       /* W2^2 / 2 by the potentials */
  double  primal, primal_low, primal_high; /* W2^2 / 2 by the cost of the map */
  double  gap, gap_low, gap_high;          /* primal - dual; 0 when all masses are right */
} brenier_measurement;

/* Angle between two targets: of (y_i, -1) and (y_j, -1), or of y_i and y_j. */
typedef enum { BRENIER_LIFTED, BRENIER_UNLIFTED } brenier_angle;

/* How values between the targets are made: T(x) is a mean of the targets whose planes are highest at x, weighted by the
   inverse distances of x to the barycentres of their cells. */
typedef struct {
  int64_t       neighbours; /* targets of a mean, at least 1 */
  brenier_angle angle;      /* between T(x) and another target of the mean */
  double        threshold;  /* degrees; above it a point crosses the singular set; 180: none does */
  int           project;    /* 1: targets across the singular set are left out of the mean */
} brenier_extension;

/* A source of one's own. Its curves are great circles x(t) = z1 cos t + z2 sin t, 0 <= t < 2 pi: for uniform t and
   random z1 and z2 the point x(t) must have the law of the source. Functions are pure: the same numbers give the same
   vectors, on any rank and in any order. No coordinate may be beyond 16 in size. Vectors have `dim` numbers: the first
   `dim` coordinates of the law in R^ambient. Without `rotations` both are the same. */
typedef struct {
  const char *name;      /* as in brenier_options; letters, digits, '_' and '-' */
  int         least_dim; /* least dimension that the law exists in, at least 1 */
  int         rotations; /* 1: the law is invariant under rotations; solves may then use fewer coordinates */
  void       *user;      /* handed to the functions */
  void (*curve)(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double z1[],
                double z2[]);
  void (*point)(void *user, int dim, int ambient, uint64_t seed, uint32_t stream, uint64_t index, double x[]);
  double (*second_moment)(void *user, int ambient); /* E |x|^2 in R^ambient */
} brenier_source;

/* ---- the library ---- */

/*@
  brenier_version - Gives the version of the library, MAJOR.MINOR.PATCH

  Not collective

  Returns: the version; a constant

  Cost: O(1)
@*/
BRENIER_API const char *brenier_version(void);

/*@
  brenier_message - Gives the sentence of the last function that failed in this thread

  Not collective

  Returns: one sentence, valid until the next call into the library; "" when the last call succeeded

  Cost: O(1)
@*/
BRENIER_API const char *brenier_message(void);

/*@
  brenier_code_text - Says in words what a code means

  Not collective

  Input Parameter:
. code - the code

  Returns: a phrase; a constant

  Cost: O(1)
@*/
BRENIER_API const char *brenier_code_text(brenier_code code);

/*@
  brenier_finalize - Ends what the library has started: PETSc, and MPI if the library had to start it

  Not collective; before MPI_Finalize()

  Errors: `BRENIER_CODE_ARGUMENT` - a context is still there

  Cost: O(1)

  Notes: What the caller has started is left alone. No context can be made afterwards.
@*/
BRENIER_API brenier_code brenier_finalize(void);

/* ---- context ---- */

/*@
  brenier_context_create - Makes a context for the ranks of a communicator

  Collective on `comm`

  Input Parameter:
. comm - ranks that work together; duplicated

  Output Parameter:
. context - free with `brenier_context_destroy()`; quiet, one thread; NULL on failure

  Errors: `BRENIER_CODE_ARGUMENT` - `comm` is MPI_COMM_NULL, or MPI has ended

  Cost: a duplicate of the communicator

  Notes: Starts MPI and PETSc where the caller has not. A program that uses PETSc itself calls PetscInitialize() before.
@*/
BRENIER_API brenier_code brenier_context_create(MPI_Comm comm, brenier_context **context);

/*@
  brenier_context_destroy - Frees a context, which may be NULL, and closes its log

  Collective on the context

  Input/Output Parameter:
. context - NULL afterwards

  Errors: `BRENIER_CODE_ARGUMENT` - targets, results or facets of the context are still there

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_context_destroy(brenier_context **context);

/*@
  brenier_context_comm - Gives the communicator of a context, a duplicate of the caller's

  Not collective

  Input Parameter:
. context - the context

  Returns: the communicator, borrowed

  Cost: O(1)
@*/
BRENIER_API MPI_Comm brenier_context_comm(const brenier_context *context);

/*@
  brenier_context_set_printer - Sets who prints lines of progress and warnings

  Collective on the context

  Input Parameters:
+ context - the context
. printer - `brenier_print_to_streams()`, a function of the caller's, or NULL for silence
- user    - handed to the printer; borrowed

  Errors: `BRENIER_CODE_ARGUMENT` - the context is NULL

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_context_set_printer(brenier_context *context, brenier_printer printer, void *user);

/*@
  brenier_print_to_streams - Prints as the program does: messages to standard output, warnings to standard error

  Not collective

  Input Parameters:
+ user       - not used
. is_warning - 0 for a message
- line       - the line, without its newline

  Cost: O(1)
@*/
BRENIER_API void brenier_print_to_streams(void *user, int is_warning, const char line[]);

/*@
  brenier_context_set_log - Starts the log of events, JSON lines (docs/reference/log.md)

  Collective on the context

  Input Parameters:
+ context - the context
- path    - file to write; an older log is replaced; NULL ends the log

  Errors:
+ `BRENIER_CODE_IO`       - the file cannot be written
- `BRENIER_CODE_ARGUMENT` - a file that is not a log is there

  Cost: one reduction
@*/
BRENIER_API brenier_code brenier_context_set_log(brenier_context *context, const char path[]);

/*@
  brenier_context_set_threads - Sets how many threads a rank may use; results do not depend on it

  Collective on the context

  Input Parameters:
+ context - the context
- n       - threads of a rank, 1 to 1024

  Errors: `BRENIER_CODE_ARGUMENT` - `n` is out of range

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_context_set_threads(brenier_context *context, int n);

/*@
  brenier_context_set_stop_file - Has solves stop when a file appears

  Collective on the context

  Input Parameters:
+ context - the context
- path    - the file; NULL for none; copied

  Errors: `BRENIER_CODE_ARGUMENT` - the path is too long

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_context_set_stop_file(brenier_context *context, const char path[]);

/*@
  brenier_context_catch_signals - Has solves stop after USR1, USR2, TERM or XCPU, which do not end the process any more

  Not collective

  Input Parameter:
. context - the context

  Errors: `BRENIER_CODE_ARGUMENT` - the context is NULL

  Cost: O(1)

  Notes: Replaces the process's handlers of these signals. A signal that came stays: later solves stop at once. A second
  TERM, a second or more after the first, ends the process.
@*/
BRENIER_API brenier_code brenier_context_catch_signals(brenier_context *context);

/*@
  brenier_context_request_stop - Asks the solve that runs to stop at its next safe point

  Not collective; from any rank, any thread, a printer or a signal handler

  Input Parameter:
. context - the context; NULL does nothing

  Cost: O(1)

  Notes: Without a checkpoint the solve measures the heights that it has reached, and returns them. A request that comes
  while no solve runs has no effect.
@*/
BRENIER_API void brenier_context_request_stop(brenier_context *context);

/* ---- targets ---- */

/*@
  brenier_targets_create - Makes targets from memory

  Collective on the context

  Input Parameters:
+ context - the context
. points  - coordinates y_i of this rank's rows; one rank at least has rows; unit: target
- weights - weights nu_i > 0 of the same rows, dim 1, divided by their sum; NULL on all ranks for equal weights; unit: 1

  Output Parameter:
. targets - free with `brenier_targets_destroy()`; NULL on failure

  Errors:
+ `BRENIER_CODE_ARGUMENT` - no rows, no columns, NULL for rows, a stride below dim, another dim or other weights on
                            another rank
- `BRENIER_CODE_INPUT`    - NaN or an infinite number, a coordinate beyond 1e100, a weight that is not positive

  Cost: O(n dim / P) operations; memory 8 dim bytes a row, unless borrowed on one rank a
  node

  Notes: Points that are equal in every coordinate are merged into the first of them, and their weights are added.
@*/
BRENIER_API brenier_code brenier_targets_create(brenier_context *context, const brenier_rows *points,
                                                const brenier_rows *weights, brenier_targets **targets);

/*@
  brenier_targets_read - Reads targets from a file, each rank its own rows

  Collective on the context

  Input Parameters:
+ context - the context
. points  - `file.npy` or `file.h5:/dataset`, shape [n, d]
- weights - the same for weights, shape [n]; NULL for equal weights

  Output Parameter:
. targets - free with `brenier_targets_destroy()`; NULL on failure

  Errors:
+ `BRENIER_CODE_IO`    - a file is missing or unreadable
- `BRENIER_CODE_INPUT` - its content is wrong, or as for `brenier_targets_create()`

  Cost: each rank reads its rows once
@*/
BRENIER_API brenier_code brenier_targets_read(brenier_context *context, const char points[], const char weights[],
                                              brenier_targets **targets);

/*@
  brenier_targets_destroy - Frees targets, which may be NULL; a result of them keeps them as long as it needs them

  Collective on the context

  Input/Output Parameter:
. targets - NULL afterwards

  Errors: `BRENIER_CODE_BUG` - MPI or PETSc failed

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_targets_destroy(brenier_targets **targets);

/*@
  brenier_targets_count, brenier_targets_count_here, brenier_targets_first, brenier_targets_dim - Gives the number of
  targets over all ranks, their number here, the number of the first of them, and the dimension

  Not collective

  Input Parameter:
. targets - the targets

  Returns: the number

  Cost: O(1)
@*/
BRENIER_API int64_t brenier_targets_count(const brenier_targets *targets);
BRENIER_API int64_t brenier_targets_count_here(const brenier_targets *targets);
BRENIER_API int64_t brenier_targets_first(const brenier_targets *targets);
BRENIER_API int64_t brenier_targets_dim(const brenier_targets *targets);

/*@
  brenier_targets_merged - Gives how many rows of the input were merged into others

  Not collective

  Input Parameter:
. targets - the targets

  Returns: the number

  Cost: O(1)
@*/
BRENIER_API int64_t brenier_targets_merged(const brenier_targets *targets);

/*@
  brenier_targets_points - Gives the coordinates of the targets here

  Not collective

  Input Parameter:
. targets - the targets

  Returns: y_i, shape [count_here, dim], borrowed; unit: target

  Cost: O(1)
@*/
BRENIER_API const double *brenier_targets_points(const brenier_targets *targets);

/*@
  brenier_targets_weights - Gives the weights of the targets here, which sum to 1 over all ranks

  Not collective

  Input Parameter:
. targets - the targets

  Returns: nu_i, shape [count_here], borrowed; unit: 1

  Cost: O(1)
@*/
BRENIER_API const double *brenier_targets_weights(const brenier_targets *targets);

/*@
  brenier_targets_input_rows - Gives the row of the input that each target here came from, counted over all ranks

  Not collective

  Input Parameter:
. targets - the targets

  Returns: the rows, shape [count_here], borrowed

  Cost: O(1)
@*/
BRENIER_API const int64_t *brenier_targets_input_rows(const brenier_targets *targets);

/* ---- sources ---- */

/*@
  brenier_source_register - Makes a source of one's own known by its name, to solves and to results that are read

  Not collective; all ranks that work together register the same

  Input Parameter:
. source - the law; copied, its name too; its functions are called from several threads at once

  Errors: `BRENIER_CODE_ARGUMENT` - a member is missing, or there is a source of that name

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_source_register(const brenier_source *source);

/*@
  brenier_source_name - Lists the sources that are known

  Not collective

  Input Parameter:
. index - number of the source, from 0, the default; those that were registered are the last

  Returns: its name; NULL when there are not so many

  Cost: O(1)
@*/
BRENIER_API const char *brenier_source_name(int index);

/*@
  brenier_random_uniform, brenier_random_normal - Draws independent numbers, uniform on (0, 1) or standard normal, for
  the functions of a source

  Not collective; pure function of its input

  Input Parameters:
+ seed   - with `stream` and `index` names the sequence
. stream - as the source was given it
. index  - number of the sequence: 2 k and 2 k + 1 for curve k, k for point k
- count  - length of the sequence; a shorter one is a prefix of a longer one

  Output Parameter:
. x - the numbers, shape [count]; unit: 1

  Cost: some 10 ns a number
@*/
BRENIER_API void brenier_random_uniform(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[]);
BRENIER_API void brenier_random_normal(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[]);

/* ---- solve ---- */

/*@
  brenier_options_default - Sets the defaults: the standard normal source, a tolerance of 0.1, seed 1

  Not collective

  Output Parameter:
. options - the options; NULL does nothing

  Cost: O(1)
@*/
BRENIER_API void brenier_options_default(brenier_options *options);

/*@
  brenier_solve - Computes the transport map from a source to the targets

  Collective on the context

  Input Parameters:
+ targets - the targets
- options - the same on all ranks; NULL for the defaults

  Output Parameter:
. result - free with `brenier_result_destroy()`; NULL unless the code is `BRENIER_CODE_OK`, `BRENIER_CODE_TOLERANCE` or
           `BRENIER_CODE_NUMERICAL`. When the checkpoint says that the solve is finished, the result is read from
           `output`, and its rows are split evenly

  Errors:
+ `BRENIER_CODE_ARGUMENT`  - an option is out of range, a source is unknown or needs more dimensions
. `BRENIER_CODE_INPUT`     - the checkpoint is of another problem; the start has another dimension or source
. `BRENIER_CODE_IO`        - a file cannot be written
. `BRENIER_CODE_TOLERANCE` - the tolerance was not reached, or a stop was asked for without a checkpoint
. `BRENIER_CODE_NUMERICAL` - the iteration stalled
- `BRENIER_CODE_STOPPED`   - a stop was asked for; the same call continues from the checkpoint

  Cost: that of `brenier solve`: for a given rho proportional to n^2 dim
@*/
BRENIER_API brenier_code brenier_solve(brenier_targets *targets, const brenier_options *options,
                                       brenier_result **result);

/* ---- result ---- */

/*@
  brenier_result_read - Reads a result file, of the program or of this library

  Collective on the context

  Input Parameters:
+ context - the context
- path    - the file

  Output Parameter:
. result - free with `brenier_result_destroy()`; it has no history; NULL on failure

  Errors:
+ `BRENIER_CODE_IO`    - missing or unreadable
- `BRENIER_CODE_INPUT` - no result, or damaged; its source is not known here

  Cost: each rank reads its rows once
@*/
BRENIER_API brenier_code brenier_result_read(brenier_context *context, const char path[], brenier_result **result);

/*@
  brenier_result_write - Writes a result file, whole or not at all

  Collective on the context

  Input Parameters:
+ result - the result
- path   - the file; one of another kind is not replaced

  Errors: `BRENIER_CODE_IO` - it cannot be written

  Cost: all rows pass to rank 0, some n (12 dim + 48) bytes
@*/
BRENIER_API brenier_code brenier_result_write(const brenier_result *result, const char path[]);

/*@
  brenier_result_destroy - Frees a result, which may be NULL

  Collective on the context

  Input/Output Parameter:
. result - NULL afterwards

  Errors: `BRENIER_CODE_BUG` - MPI or PETSc failed

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_result_destroy(brenier_result **result);

/*@
  brenier_result_targets - Gives the targets of a result, after the merging of equal rows

  Not collective

  Input Parameter:
. result - the result

  Returns: the targets, borrowed: not to be freed

  Cost: O(1)
@*/
BRENIER_API const brenier_targets *brenier_result_targets(const brenier_result *result);

/*@
  brenier_result_heights - Gives the heights of the targets here, with sum nu_i h_i = 0

  Not collective

  Input Parameter:
. result - the result

  Returns: h_i, shape [count_here], borrowed; unit: source target

  Cost: O(1)
@*/
BRENIER_API const double *brenier_result_heights(const brenier_result *result);

/*@
  brenier_result_masses, brenier_result_mass_errors - Gives the masses of the cells here, on held-out curves or exact,
  or their standard errors

  Not collective

  Input Parameter:
. result - the result

  Returns: w_i or its standard error, 0 where exact, shape [count_here], borrowed; unit: 1

  Cost: O(1)
@*/
BRENIER_API const double *brenier_result_masses(const brenier_result *result);
BRENIER_API const double *brenier_result_mass_errors(const brenier_result *result);

/*@
  brenier_result_barycentres - Gives the barycentres of the cells here

  Not collective

  Input Parameter:
. result - the result

  Returns: b_i, NaN where unknown, shape [count_here, dim], borrowed; unit: source

  Cost: O(1)
@*/
BRENIER_API const double *brenier_result_barycentres(const brenier_result *result);

/*@
  brenier_result_potentials - Computes the Kantorovich potential of the targets here, psi_i = abs(y_i)^2 / 2 + h_i

  Not collective

  Input Parameter:
. result - the result

  Output Parameter:
. psi - the potential, shape [count_here]; unit: target^2

  Errors: `BRENIER_CODE_ARGUMENT` - an argument is NULL

  Cost: 2 dim flops a target
@*/
BRENIER_API brenier_code brenier_result_potentials(const brenier_result *result, double psi[]);

/*@
  brenier_result_status, brenier_result_source - Gives the status of a result in words, such as "converged", or the name
  of its source

  Not collective

  Input Parameter:
. result - the result

  Returns: the text, borrowed

  Cost: O(1)
@*/
BRENIER_API const char *brenier_result_status(const brenier_result *result);
BRENIER_API const char *brenier_result_source(const brenier_result *result);

/*@
  brenier_result_measurement - Gives the error that was measured at the end of the solve

  Not collective

  Input Parameter:
. result - the result

  Returns: the measurement

  Cost: O(1)
@*/
BRENIER_API brenier_measurement brenier_result_measurement(const brenier_result *result);

/*@
  brenier_result_history - Gives a row for each iteration of the solve

  Not collective

  Input Parameter:
. result - the result

  Output Parameter:
. row - the rows, shape [n, columns], borrowed; unit: docs/reference/log.md has each

  Returns: n, the number of iterations; 0 for a result that was read

  Cost: O(1)
@*/
BRENIER_API int64_t brenier_result_history(const brenier_result *result, const double **row);

/*@
  brenier_history_columns - Gives the names of the columns of the history

  Not collective

  Returns: the names, separated by commas; a constant

  Cost: O(1)
@*/
BRENIER_API const char *brenier_history_columns(void);

/* ---- what a result is for ---- */

/*@
  brenier_check - Measures the error of a result on curves that no solve has used

  Collective on the context

  Input Parameters:
+ result - the result
. curves - size of the sample, 64 at least; 0: exact cells where there are any, else as many as `brenier check` draws
- seed   - of these curves, 0 or more

  Output Parameter:
. measurement - the measurement, the same bits for any number of ranks

  Errors: `BRENIER_CODE_ARGUMENT` - a number is out of range

  Cost: 4 n dim flops a curve
@*/
BRENIER_API brenier_code brenier_check(const brenier_result *result, int64_t curves, int64_t seed,
                                       brenier_measurement *measurement);

/*@
  brenier_map - Carries points of this rank to targets

  Collective on the context

  Input Parameters:
+ result - the result
- points - points x, 0 rows allowed; unit: source

  Output Parameters:
+ index     - number of the target that x goes to, shape [n], or NULL
. potential - u(x), shape [n], or NULL; unit: source target
- code      - T(x), shape [n, dim], or NULL; unit: target

  Errors:
+ `BRENIER_CODE_ARGUMENT` - rows that are wrong, or another dim than that of the targets
- `BRENIER_CODE_INPUT`    - NaN or an infinite number

  Cost: 2 n_targets dim flops a point

  Notes: The same bits for any number of ranks and any grouping of the points. All ranks ask for the same outputs.
@*/
BRENIER_API brenier_code brenier_map(const brenier_result *result, const brenier_rows *points, int64_t index[],
                                     double potential[], double code[]);

/*@
  brenier_extension_default - Sets the defaults of an extension: means of 3 targets, nothing is singular

  Not collective

  Output Parameter:
. extension - the extension; NULL does nothing

  Cost: O(1)
@*/
BRENIER_API void brenier_extension_default(brenier_extension *extension);

/*@
  brenier_map_extended - Carries points of this rank to means of the nearest targets

  Collective on the context

  Input Parameters:
+ result    - the result
. extension - how, the same on all ranks; NULL for the defaults
- points    - points x, 0 rows allowed; unit: source

  Output Parameters:
+ index   - number of the target whose cell x is in, shape [n], or NULL
. code    - T(x), shape [n, dim]; unit: target
- crosses - 1 where the point crosses the singular set, else 0, shape [n], or NULL

  Errors:
+ `BRENIER_CODE_ARGUMENT` - fewer than one neighbour or more than targets; a threshold below 0; rows that are wrong
- `BRENIER_CODE_INPUT`    - NaN or an infinite number

  Cost: that of `brenier_map()`, and 16 neighbours dim bytes a point
@*/
BRENIER_API brenier_code brenier_map_extended(const brenier_result *result, const brenier_extension *extension,
                                              const brenier_rows *points, int64_t index[], double code[],
                                              int crosses[]);

/*@
  brenier_sample - Draws points of the source and carries them to targets

  Collective on the context

  Input Parameters:
+ result - the result
. seed   - of the draws, 0 or more
. first  - number of the first draw of this rank: draws first to first + n - 1 are made here
- n      - number of draws of this rank, 0 allowed

  Output Parameters:
+ x     - the points, shape [n, dim], or NULL; unit: source
. index - number of the target that each goes to, shape [n], or NULL
- code  - the targets, shape [n, dim], or NULL; unit: target

  Errors: `BRENIER_CODE_ARGUMENT` - a number is negative

  Cost: that of `brenier_map()`

  Notes: Draw k of a seed is the same on any rank; it is that of `brenier sample`. All ranks ask for the same outputs.
@*/
BRENIER_API brenier_code brenier_sample(const brenier_result *result, int64_t seed, int64_t first, int64_t n,
                                        double x[], int64_t index[], double code[]);

/*@
  brenier_facets_measure - Finds the facets between the cells of a result, with their angles and masses

  Collective on the context

  Input Parameters:
+ result - the result
. angle  - what angles are between
. curves - size of the sample, 64 at least; 0: exact cells where there are any, else as many as `brenier facets` draws
- seed   - of these curves, 0 or more

  Output Parameter:
. facets - free with `brenier_facets_destroy()`; NULL on failure

  Errors: `BRENIER_CODE_ARGUMENT` - a number is out of range

  Cost: 4 n dim flops a curve
@*/
BRENIER_API brenier_code brenier_facets_measure(const brenier_result *result, brenier_angle angle, int64_t curves,
                                                int64_t seed, brenier_facets **facets);

/*@
  brenier_facets_destroy - Frees facets, which may be NULL

  Collective on the context

  Input/Output Parameter:
. facets - NULL afterwards

  Errors: `BRENIER_CODE_BUG` - PETSc failed

  Cost: O(1)
@*/
BRENIER_API brenier_code brenier_facets_destroy(brenier_facets **facets);

/*@
  brenier_facets_count_here - Gives the number of facets here; each is on one rank, that of its first target

  Not collective

  Input Parameter:
. facets - the facets

  Returns: the number

  Cost: O(1)
@*/
BRENIER_API int64_t brenier_facets_count_here(const brenier_facets *facets);

/*@
  brenier_facets_pairs - Gives the two targets i < j of each facet here

  Not collective

  Input Parameter:
. facets - the facets

  Returns: the numbers of the targets, shape [count_here, 2], borrowed

  Cost: O(1)
@*/
BRENIER_API const int64_t *brenier_facets_pairs(const brenier_facets *facets);

/*@
  brenier_facets_angles - Gives the angle between the targets of each facet here

  Not collective

  Input Parameter:
. facets - the facets

  Returns: the angles, shape [count_here], borrowed; unit: degree

  Cost: O(1)
@*/
BRENIER_API const double *brenier_facets_angles(const brenier_facets *facets);

/*@
  brenier_facets_masses - Gives the mass of each facet here, the integral of the density of the source over it

  Not collective

  Input Parameter:
. facets - the facets

  Returns: the masses, shape [count_here], borrowed; unit: 1/source

  Cost: O(1)
@*/
BRENIER_API const double *brenier_facets_masses(const brenier_facets *facets);

/*@
  brenier_facets_quantile - Computes a quantile of the angles, weighted by the masses of the facets

  Collective on the context

  Input Parameters:
+ facets - the facets
- q      - order of the quantile, 0 to 1; unit: 1

  Output Parameter:
. angle - the quantile; 0 when there are no facets; unit: degree

  Errors: `BRENIER_CODE_ARGUMENT` - `q` is out of range

  Cost: a bisection, some 60 steps with reductions
@*/
BRENIER_API brenier_code brenier_facets_quantile(const brenier_facets *facets, double q, double *angle);

/*@
  brenier_facets_modes - Finds the modes: connected components of the targets without the facets above a threshold

  Collective on the context

  Input Parameters:
+ facets    - the facets
- threshold - largest angle that is not singular; unit: degree

  Output Parameters:
+ mode    - mode of each target here, from 0, shape [count_here of the targets]
- n_modes - number of modes over all ranks

  Errors: `BRENIER_CODE_ARGUMENT` - `threshold` is not a number

  Cost: as many exchanges of one integer a facet as a mode crosses ranks
@*/
BRENIER_API brenier_code brenier_facets_modes(const brenier_facets *facets, double threshold, int64_t mode[],
                                              int64_t *n_modes);
