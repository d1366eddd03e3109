/* class_option.c - Implements class_option.h. */
#include "class_option.h"

PetscErrorCode BrenierClassChoiceCheck(ClassChoice *choice)
{
  PetscFunctionBegin;
  PetscCall(BrenierOptionGiven("-class", &choice->given));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierClassChoiceRead(const ClassChoice *choice, const char path[], BrenierResult *result,
                                      BrenierTargets *targets, Vec *h)
{
  PetscFunctionBegin;
  if (choice->given) PetscCall(BrenierResultReadClass(PETSC_COMM_WORLD, path, choice->label, result, targets, h));
  else PetscCall(BrenierResultRead(PETSC_COMM_WORLD, path, result, targets, h));
  PetscFunctionReturn(PETSC_SUCCESS);
}
