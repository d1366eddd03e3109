/* work.c - Buffers of a cell: made, grown, freed. */
#include "low/work.h"

#include <stdlib.h>

BrenierCellWork *BrenierCellWorkCreate(void)
{
  return calloc(1, sizeof(BrenierCellWork));
}

void BrenierCellWorkDestroy(BrenierCellWork *work)
{
  if (!work) return;
  for (int p = 0; p < 2; ++p) {
    free(work->polygon[p].x);
    free(work->polygon[p].s);
    free(work->polygon[p].edge);
  }
  free(work->plane);
  free(work->edge);
  free(work->facet);
  free(work->uv);
  free(work->at);
  free(work->pool_edge);
  free(work->vertex);
  free(work->active);
  free(work);
}

/* Reserves n entries; existing ones are kept. */
int BrenierCellReserve(void **array, int *capacity, int n, size_t size)
{
  void *more;

  if (n <= *capacity) return 0;
  more = realloc(*array, 2 * (size_t)n * size);
  if (!more) return -1;
  *array    = more;
  *capacity = 2 * n;
  return 0;
}

int BrenierCellReserveVertices(BrenierCellWork *work, int n)
{
  double *vertex;
  int    *active;

  if (n <= work->vertex_capacity) return 0;
  vertex = realloc(work->vertex, 6 * (size_t)n * sizeof *vertex);
  if (vertex) work->vertex = vertex;
  active = realloc(work->active, 6 * (size_t)n * sizeof *active);
  if (active) work->active = active;
  if (!vertex || !active) return -1;
  work->vertex_capacity = 2 * n;
  return 0;
}
