/* laguerre_impl.h - Private to src/low: what exact cells hold. */
#pragma once

#include <brenier/laguerre.h>

#include "cell.h"
#include "components.h"
#include "interval.h"
#include "neighbours.h"

/* A cell with less than this part of its weight counts as empty: heights are doubles, so where targets are close, cells
   as small as that are made by their rounding, and their facets say nothing. */
#define BRENIER_VANISHING 1e-9

struct _p_BrenierLaguerre {
  /* parameters */
  BrenierTargets     targets; /* borrowed */
  MPI_Comm           comm;
  BrenierLaw         law;
  PetscReal          scale;      /* of the source: cells are computed in units of it */
  PetscInt           dim;        /* of the targets */
  PetscBool          reuses;     /* neighbours of earlier heights */
  BrenierIntervalLaw coordinate; /* in one dimension */
  PetscBool          is_mixture;
  BrenierComponents  components; /* of a mixture */
  /* data of all targets, the same on every rank */
  PetscReal   *y;              /* shape [n, dim] */
  PetscReal   *h;              /* of the last evaluation, shape [n] */
  PetscReal   *low;            /* their low parts (heights.h), shape [n] */
  PetscMPIInt *count, *offset; /* targets of each rank */
  /* data of the cells of this rank */
  BrenierNeighbours neighbours; /* rows of this rank's targets, global numbers */
  PetscInt          without;    /* targets of all ranks that have none */
  PetscReal        *facet;      /* mu_{dim-1} of each, in the order of neighbours.other */
  PetscReal        *mass;       /* shape [n_local] */
  PetscReal        *moment;     /* shape [n_local, dim] */
  PetscReal        *second;     /* shape [n_local, 6] */
  char             *border;     /* whether the cell has a vertex on the border of the domain, shape [n_local] */
};

/* h_i - h_j in twice the precision of a double, rounded once. */
PetscReal BrenierLaguerreDifference_Private(BrenierLaguerre l, PetscInt i, PetscInt j);

/* One cell's constraints <x, a> <= b in units of the source's scale, shapes [k, dim] and [k]; k neighbours. Not
   collective. */
void BrenierLaguerreConstraints_Private(BrenierLaguerre l, PetscInt target, PetscInt k, const PetscInt other[],
                                        PetscReal a[], PetscReal b[]);

/* Whether the cell that was computed last has a vertex on the border of the domain. Not collective. */
PetscBool BrenierLaguerreOnBorder_Private(BrenierLaguerre l, const BrenierCellWork *work);

/* A cell by its constraints, in units of the source's scale; returns nonzero when out of memory. Not collective. */
int BrenierLaguerreCell_Private(BrenierLaguerre l, PetscInt k, const PetscReal a[], const PetscReal b[],
                                BrenierCellWork *work, BrenierCell *cell, PetscReal facet[]);
