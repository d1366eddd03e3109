/*
  pieces.h - The pieces of u along all local curves, as the last evaluation found them.

  A scan enters the pieces with the global numbers of their targets. When the halo is made they get ghosts instead, and
  the global numbers go: halo.h has them.
*/
#pragma once

#include <brenier/index.h>
#include "curve.h"
#include "halo.h"

typedef struct {
  PetscInt64    *offset; /* curve c has pieces offset[c] to offset[c + 1] - 1; shape [curves here + 1] */
  PetscInt64     n, capacity;
  BrenierGlobal *global; /* NULL once the pieces have ghosts */
  BrenierGhost  *ghost;  /* NULL until then */
  PetscReal     *a, *b;  /* the plane along the curve, normalised targets */
  PetscBool      has_base;
  PetscReal     *base; /* of curve.h; NULL unless has_base */
  PetscReal     *start;
  PetscReal     *potential; /* int u along each curve, normalised; shape [curves here] */
} BrenierPieces;

/* Room for the pieces of n_curves curves, which have none. Not collective. */
PetscErrorCode BrenierPiecesCreate(PetscInt n_curves, PetscBool has_base, BrenierPieces *pieces);

/* Adds curves without pieces behind the first n_old. Not collective. */
PetscErrorCode BrenierPiecesAddCurves(BrenierPieces *pieces, PetscInt n_old, PetscInt n_curves);

/* Enters an envelope as the pieces of local curve c, with global numbers or with ghosts of the planes it was made of;
   curves come in ascending order. Not collective. */
PetscErrorCode BrenierPiecesEnterGlobal(BrenierPieces *pieces, PetscInt c, const BrenierEnvelope *envelope,
                                        const BrenierGlobal global[], const PetscReal a[], const PetscReal b[],
                                        const PetscReal base[]);
PetscErrorCode BrenierPiecesEnterGhosts(BrenierPieces *pieces, PetscInt c, const BrenierEnvelope *envelope,
                                        const BrenierGhost ghost[], const PetscReal a[], const PetscReal b[],
                                        const PetscReal base[]);

/* Height of the plane of piece p along its curve, where its target has height h. */
static inline PetscReal BrenierPieceHeight(const BrenierPieces *pieces, PetscInt64 p, PetscReal h)
{
  return pieces->has_base ? h + pieces->base[p] : h;
}

/* Makes the halo of pieces that have global numbers, which get ghosts. Collective. */
PetscErrorCode BrenierPiecesMakeHalo(BrenierPieces *pieces, PetscLayout layout, BrenierHalo *halo);

/* End of piece p of local curve c. */
PetscReal BrenierPieceEnd(const BrenierPieces *pieces, const BrenierCurves *curves, PetscInt c, PetscInt64 p);

PetscErrorCode BrenierPiecesFree(BrenierPieces *pieces);
