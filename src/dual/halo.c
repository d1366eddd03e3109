/* halo.c - Implements halo.h. */
#include "halo.h"

#include <brenier/compat.h>

/* Bitmap of the targets on this rank, and the number of bits in earlier words. */
typedef struct {
  size_t    n_words;
  uint64_t *seen;
  PetscInt *before;
} Bits;

static PetscInt CountBits(Bits *bits)
{
  PetscInt n = 0;

  for (size_t w = 0; w < bits->n_words; ++w) {
    bits->before[w] = n;
    n += __builtin_popcountll(bits->seen[w]);
  }
  return n;
}

static inline BrenierGhost Rank(const Bits *bits, BrenierGlobal t)
{
  return bits->before[t / 64] + __builtin_popcountll(bits->seen[t / 64] & (((uint64_t)1 << (t % 64)) - 1));
}

PetscErrorCode BrenierHaloBuild(BrenierHalo *halo, PetscLayout layout, PetscInt64 n_targets,
                                const BrenierGlobal global[], BrenierGhost ghost[])
{
  Bits     bits = {.n_words = (size_t)layout->N / 64 + 1};
  PetscInt n    = 0;

  PetscFunctionBegin;
  // One bit a target: 1.25 MB at ten million, against a sort of all that is listed
  PetscCall(PetscCalloc2(bits.n_words, &bits.seen, bits.n_words, &bits.before));
  for (PetscInt64 p = 0; p < n_targets; ++p) bits.seen[global[p] / 64] |= (uint64_t)1 << (global[p] % 64);
  halo->n = CountBits(&bits);
  PetscCall(PetscFree(halo->global));
  PetscCall(PetscFree(halo->height));
  PetscCall(PetscMalloc1(halo->n, &halo->global));
  PetscCall(PetscMalloc1(halo->n, &halo->height));
  for (size_t w = 0; w < bits.n_words; ++w)
    for (uint64_t word = bits.seen[w]; word; word &= word - 1)
      halo->global[n++] = (PetscInt)(64 * w + (size_t)__builtin_ctzll(word));
  for (PetscInt64 p = 0; p < n_targets; ++p) ghost[p] = Rank(&bits, global[p]);
  PetscCall(PetscFree2(bits.seen, bits.before));
  PetscCall(PetscSFDestroy(&halo->sf));
  PetscCall(PetscSFCreate(layout->comm, &halo->sf));
  PetscCall(PetscSFSetGraphLayout(halo->sf, layout, halo->n, NULL, PETSC_OWN_POINTER, halo->global));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHaloGet(const BrenierHalo *halo, const PetscReal value[], PetscReal at_ghost[])
{
  PetscFunctionBegin;
  PetscCall(PetscSFBcastBegin(halo->sf, MPIU_REAL, value, at_ghost, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(halo->sf, MPIU_REAL, value, at_ghost, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHaloAdd(const BrenierHalo *halo, const PetscInt64 at_ghost[], PetscInt64 value[])
{
  PetscFunctionBegin;
  PetscCall(PetscSFReduceBegin(halo->sf, MPIU_INT64, at_ghost, value, MPI_SUM));
  PetscCall(PetscSFReduceEnd(halo->sf, MPIU_INT64, at_ghost, value, MPI_SUM));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHaloFree(BrenierHalo *halo)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(halo->global));
  PetscCall(PetscFree(halo->height));
  PetscCall(PetscSFDestroy(&halo->sf));
  halo->n = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
