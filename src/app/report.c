/* report.c - Implements report.h. */
#include "app.h"
#include "report.h"

/* W2^2/2 and W2 of one side of the duality, a line. */
static PetscErrorCode ReportDistance(const char side[], const BrenierEstimate *e, const char meaning[])
{
  PetscFunctionBegin;
  PetscCall(BrenierSay("  W2^2/2 %-7s %.6g   95%% interval %.6g to %.6g   W2 %.6g, %.6g to %.6g   (%s)", side,
                       (double)e->value, (double)e->low, (double)e->high, (double)BrenierDistance(e->value),
                       (double)BrenierDistance(e->low), (double)BrenierDistance(e->high), meaning));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of exact masses: no sample, no intervals. */
static PetscErrorCode SayExact(const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierSay("exact:"));
  PetscCall(BrenierSay("  rho            %.4g   (root-mean-square relative error of the cell masses)", (double)o->rho));
  PetscCall(BrenierSay("  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT, (double)o->tv,
                       (double)o->largest_error, o->empty));
  PetscCall(BrenierSay("  W2^2/2         %.15g   W2 %.15g", (double)o->dual.value, (double)o->w2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that a sample tells, with its intervals. */
static PetscErrorCode SaySampled(const BrenierHeldOut *o)
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
  PetscCall(ReportDistance("dual", &o->dual, "lower bound: the energy"));
  PetscCall(ReportDistance("primal", &o->primal, "what the map costs"));
  PetscCall(BrenierSay(
      "  duality gap    %.4g   95%% interval %.4g to %.4g   (of W2^2/2: primal - dual; 0 when all masses are right)",
      (double)o->gap.value, (double)o->gap.low, (double)o->gap.high));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrenierReportHeldOut(const char event[], const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(o->curves > 0 ? SaySampled(o) : SayExact(o));
  PetscCall(BrenierLogEvent(event, "i curves", o->curves, "r rho", o->rho, "r rho_low", o->rho_low, "r rho_high",
                            o->rho_high, "r noise", o->noise, "r tv", o->tv, "r largest_error", o->largest_error,
                            "i empty", o->empty, "r energy", o->energy, "r energy_error", o->energy_error, "r w2",
                            o->w2, "r w2_low", o->w2_low, "r w2_high", o->w2_high, "r dual", o->dual.value,
                            "r dual_low", o->dual.low, "r dual_high", o->dual.high, "r primal", o->primal.value,
                            "r primal_low", o->primal.low, "r primal_high", o->primal.high, "r gap", o->gap.value,
                            "r gap_low", o->gap.low, "r gap_high", o->gap.high, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
