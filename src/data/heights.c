/*
  heights.c - Implements heights.h.

  The sum of two doubles and what it leaves to rounding are found by Knuth's six operations, in any order of sizes.
*/
#include <brenier/heights.h>

static const char brenier_low_parts[] = "low parts of heights";

/* Low parts, and the vector that they belong to: a duplicate is composed with its original's, which are not its own. */
typedef struct {
  Vec           low;
  PetscObjectId owner;
} LowParts;

static PetscErrorCode DestroyLowParts(void *context)
{
  LowParts *parts = context;

  PetscFunctionBegin;
  PetscCall(VecDestroy(&parts->low));
  PetscCall(PetscFree(parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsLow(Vec h, Vec *low)
{
  PetscContainer container;
  LowParts      *parts;
  PetscObjectId  id;

  PetscFunctionBegin;
  *low = NULL;
  PetscCall(PetscObjectQuery((PetscObject)h, brenier_low_parts, (PetscObject *)&container));
  if (!container) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscContainerGetPointer(container, (void **)&parts));
  PetscCall(PetscObjectGetId((PetscObject)h, &id));
  if (id == parts->owner) *low = parts->low;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsDrop(Vec h)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectCompose((PetscObject)h, brenier_low_parts, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsExtend(Vec h)
{
  PetscContainer container;
  LowParts      *parts;

  PetscFunctionBegin;
  PetscCall(PetscNew(&parts));
  PetscCall(VecDuplicate(h, &parts->low));
  PetscCall(BrenierHeightsDrop(parts->low)); // those that h had
  PetscCall(VecZeroEntries(parts->low));
  PetscCall(PetscObjectGetId((PetscObject)h, &parts->owner));
  PetscCall(PetscContainerCreate(PetscObjectComm((PetscObject)h), &container));
  PetscCall(PetscContainerSetPointer(container, parts));
  PetscCall(PetscContainerSetUserDestroy(container, DestroyLowParts));
  PetscCall(PetscObjectCompose((PetscObject)h, brenier_low_parts, (PetscObject)container));
  PetscCall(PetscContainerDestroy(&container));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsCopy(Vec from, Vec to)
{
  Vec low, copy;

  PetscFunctionBegin;
  PetscCall(VecCopy(from, to));
  PetscCall(BrenierHeightsLow(from, &low));
  PetscCall(BrenierHeightsLow(to, &copy));
  if (low && !copy) {
    PetscCall(BrenierHeightsExtend(to));
    PetscCall(BrenierHeightsLow(to, &copy));
  }
  if (low) PetscCall(VecCopy(low, copy));
  else if (copy) PetscCall(BrenierHeightsDrop(to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* *high + *low grows by x, and *high is its nearest double again. */
static void AddTo(PetscReal *high, PetscReal *low, PetscReal x)
{
  const PetscReal sum = *high + x, part = sum - *high;
  const PetscReal left = ((*high - (sum - part)) + (x - part)) + *low;

  *high = sum + left;
  *low  = left - (*high - sum);
}

/* Adds t step_i, or t alone without a step. */
static PetscErrorCode Add(Vec h, PetscReal t, Vec step)
{
  const PetscScalar *p = NULL;
  PetscScalar       *a, *b = NULL;
  PetscInt           n;
  Vec                low;

  PetscFunctionBegin;
  PetscCall(BrenierHeightsLow(h, &low));
  PetscCall(VecGetLocalSize(h, &n));
  PetscCall(VecGetArray(h, &a));
  if (low) PetscCall(VecGetArray(low, &b));
  if (step) PetscCall(VecGetArrayRead(step, &p));
  for (PetscInt i = 0; i < n; ++i) {
    const PetscReal x = p ? t * p[i] : t;

    if (b) AddTo(&a[i], &b[i], x);
    else a[i] += x;
  }
  if (step) PetscCall(VecRestoreArrayRead(step, &p));
  if (low) PetscCall(VecRestoreArray(low, &b));
  PetscCall(VecRestoreArray(h, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsAdd(Vec h, PetscReal t, Vec step)
{
  PetscFunctionBegin;
  PetscCall(Add(h, t, step));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierHeightsShift(Vec h, PetscReal by)
{
  PetscFunctionBegin;
  PetscCall(Add(h, by, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
