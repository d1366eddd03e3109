/* solve_and_map.c - Solves for targets in memory, maps a point, writes the result, and reads it again.

   usage: mpiexec -n RANKS solve_and_map [RESULT.h5] */
#include <brenier/brenier.h>

#include <stdio.h>
#include <stdlib.h>

enum { N = 100, DIM = 2 };

/* Ends the program with the sentence of an error. */
static void check(brenier_code code)
{
  if (!code) return;
  fprintf(stderr, "solve_and_map: %s\n", brenier_message());
  MPI_Abort(MPI_COMM_WORLD, (int)code);
}

int main(int argc, char **argv)
{
  const double     x[DIM] = {0.1, -0.2};
  double           y[N][DIM], code[DIM];
  int64_t          index;
  int              rank;
  brenier_context *context;
  brenier_targets *targets;
  brenier_result  *result;

  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  for (int i = 0; i < N; ++i) { /* each rank adds points of its own: a grid, moved a little */
    y[i][0] = i / 10 + 0.1 * rank;
    y[i][1] = i % 10;
  }

  check(brenier_context_create(MPI_COMM_WORLD, &context));
  check(brenier_context_set_printer(context, brenier_print_to_streams, NULL));
  check(brenier_targets_create(context, &(brenier_rows){.data = y, .n = N, .dim = DIM}, NULL, &targets));
  check(brenier_solve(targets, NULL, &result));

  check(brenier_map(result, &(brenier_rows){.data = x, .n = 1, .dim = DIM}, &index, NULL, code));
  if (rank == 0) printf("T(%g, %g) = (%g, %g), target %lld\n", x[0], x[1], code[0], code[1], (long long)index);
  if (rank == 0) printf("rho = %.3g\n", brenier_result_measurement(result).rho);

  if (argc > 1) {
    check(brenier_result_write(result, argv[1]));
    check(brenier_result_destroy(&result));
    check(brenier_result_read(context, argv[1], &result));
    if (rank == 0)
      printf("read again: %s, rho = %.3g\n", brenier_result_status(result), brenier_result_measurement(result).rho);
  }
  check(brenier_result_destroy(&result));
  check(brenier_targets_destroy(&targets));
  check(brenier_context_destroy(&context));
  check(brenier_finalize());
  MPI_Finalize();
  return 0;
}
