/* pieces.c - Implements pieces.h. */
#include "pieces.h"

PetscErrorCode BrenierPiecesCreate(PetscInt n_curves, PetscBool has_base, BrenierPieces *pieces)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(pieces, sizeof *pieces));
  pieces->has_base = has_base;
  PetscCall(PetscCalloc1((size_t)n_curves + 1, &pieces->offset));
  PetscCall(PetscMalloc1(n_curves, &pieces->potential));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesAddCurves(BrenierPieces *pieces, PetscInt n_old, PetscInt n_curves)
{
  PetscFunctionBegin;
  PetscCall(PetscRealloc((size_t)n_curves * sizeof *pieces->potential, &pieces->potential));
  PetscCall(PetscRealloc(((size_t)n_curves + 1) * sizeof *pieces->offset, &pieces->offset));
  for (PetscInt c = n_old; c < n_curves; ++c) pieces->offset[c + 1] = pieces->offset[n_old];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for n pieces, their numbers in *index. */
static PetscErrorCode Reserve(BrenierPieces *pieces, PetscInt64 n, PetscInt **index)
{
  const size_t capacity = 2 * (size_t)n + 1024;

  PetscFunctionBegin;
  if (n <= pieces->capacity) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscRealloc(capacity * sizeof **index, index));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->a, &pieces->a));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->b, &pieces->b));
  if (pieces->has_base) PetscCall(PetscRealloc(capacity * sizeof *pieces->base, &pieces->base));
  PetscCall(PetscRealloc(capacity * sizeof *pieces->start, &pieces->start));
  pieces->capacity = (PetscInt64)capacity;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Appends an envelope; the numbers of its planes are appended to *index. */
static PetscErrorCode Enter(BrenierPieces *pieces, PetscInt c, const BrenierEnvelope *envelope, const PetscInt number[],
                            const PetscReal a[], const PetscReal b[], const PetscReal base[], PetscInt **index)
{
  PetscFunctionBegin;
  PetscCall(Reserve(pieces, pieces->n + (PetscInt64)envelope->n, index));
  for (size_t p = 0; p < envelope->n; ++p) {
    const int32_t i = envelope->plane[p];

    (*index)[pieces->n]  = number[i];
    pieces->a[pieces->n] = a[i];
    pieces->b[pieces->n] = b[i];
    if (pieces->has_base) pieces->base[pieces->n] = base[i];
    pieces->start[pieces->n] = envelope->start[p];
    ++pieces->n;
  }
  pieces->offset[c + 1] = pieces->n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesEnterGlobal(BrenierPieces *pieces, PetscInt c, const BrenierEnvelope *envelope,
                                        const BrenierGlobal global[], const PetscReal a[], const PetscReal b[],
                                        const PetscReal base[])
{
  PetscFunctionBegin;
  PetscCall(Enter(pieces, c, envelope, global, a, b, base, &pieces->global));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesEnterGhosts(BrenierPieces *pieces, PetscInt c, const BrenierEnvelope *envelope,
                                        const BrenierGhost ghost[], const PetscReal a[], const PetscReal b[],
                                        const PetscReal base[])
{
  PetscFunctionBegin;
  PetscCall(Enter(pieces, c, envelope, ghost, a, b, base, &pieces->ghost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierPiecesMakeHalo(BrenierPieces *pieces, PetscLayout layout, BrenierHalo *halo)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(pieces->capacity, &pieces->ghost));
  PetscCall(BrenierHaloBuild(halo, layout, pieces->n, pieces->global, pieces->ghost));
  PetscCall(PetscFree(pieces->global));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal BrenierPieceEnd(const BrenierPieces *pieces, const BrenierCurves *curves, PetscInt c, PetscInt64 p)
{
  return p + 1 < pieces->offset[c + 1] ? pieces->start[p + 1] : curves->family->end(curves);
}

PetscErrorCode BrenierPiecesFree(BrenierPieces *pieces)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(pieces->offset));
  PetscCall(PetscFree(pieces->global));
  PetscCall(PetscFree(pieces->ghost));
  PetscCall(PetscFree(pieces->a));
  PetscCall(PetscFree(pieces->b));
  PetscCall(PetscFree(pieces->base));
  PetscCall(PetscFree(pieces->start));
  PetscCall(PetscFree(pieces->potential));
  pieces->n = pieces->capacity = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
