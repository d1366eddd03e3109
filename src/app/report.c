/* report.c - Implements report.h. */
#include "app.h"
#include "report.h"

PetscErrorCode BrenierReportHeldOut(const char event[], const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierSay("held out, on %" PetscInt64_FMT " fresh curves:", o->curves));
  PetscCall(BrenierSay(
      "  rho            %.4g   95%% interval %.4g to %.4g   (root-mean-square relative error of the cell masses)",
      (double)o->rho, (double)o->rho_low, (double)o->rho_high));
  PetscCall(
      BrenierSay("  sampling noise %.4g   of these masses themselves, already taken out of rho", (double)o->noise));
  PetscCall(BrenierSay("  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT
                       "   (noise included)",
                       (double)o->tv, (double)o->largest_error, o->empty));
  PetscCall(
      BrenierSay("  W2             %.6g   95%% interval %.6g to %.6g   (of the lower bound that the heights certify)",
                 (double)o->w2, (double)o->w2_low, (double)o->w2_high));
  PetscCall(BrenierLogEvent(event, "i curves", o->curves, "r rho", o->rho, "r rho_low", o->rho_low, "r rho_high",
                            o->rho_high, "r noise", o->noise, "r tv", o->tv, "r largest_error", o->largest_error,
                            "i empty", o->empty, "r energy", o->energy, "r energy_error", o->energy_error, "r w2",
                            o->w2, "r w2_low", o->w2_low, "r w2_high", o->w2_high, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
