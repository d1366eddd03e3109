/* report.c - Implements report.h. */
#include "report.h"

#include "command.h"

/* An estimate of what cannot be negative. */
static double NotNegative(PetscReal x)
{
  return x > 0.0 ? (double)x : 0.0;
}

/* W2^2/2 and W2 of one side of the duality, a line. */
static PetscErrorCode ReportDistance(const char side[], const BrenierEstimate *e, const char meaning[])
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("  W2^2/2 %-7s %.6g   95%% interval %.6g to %.6g   W2 %.6g, %.6g to %.6g   (%s)", side,
                              NotNegative(e->value), NotNegative(e->low), NotNegative(e->high),
                              (double)BrenierDistance(e->value), (double)BrenierDistance(e->low),
                              (double)BrenierDistance(e->high), meaning));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same of exact masses: no sample, no intervals. */
static PetscErrorCode PrintExact(const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("exact:"));
  PetscCall(BrenierPrintWorld("  rho            %.4g   (root-mean-square relative error of the cell masses)",
                              (double)o->rho));
  PetscCall(BrenierPrintWorld("  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT,
                              (double)o->tv, (double)o->largest_error, o->empty));
  PetscCall(BrenierPrintWorld("  |log(w/nu)|    %.3g at most, of cells that are not empty", (double)o->largest_log));
  PetscCall(BrenierPrintWorld("  W2^2/2         %.15g   W2 %.15g", NotNegative(o->dual.value), (double)o->w2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Part of the bound from which on a gap is worth a sentence. */
static const PetscReal brenier_large_gap = 0.1;

/* A gap that is no chance and a large part of the bound: masses are wrong where they cost most, however light. */
static PetscErrorCode ReportGap(const BrenierHeldOut *o)
{
  const PetscReal part = PetscAbsReal(o->gap.value) / PetscMax(PetscAbsReal(o->dual.value), PETSC_MIN_REAL);

  PetscFunctionBegin;
  if (o->gap.low * o->gap.high > 0.0 && part > brenier_large_gap)
    PetscCall(
        BrenierPrintWorld("  the map costs %.0f%% %s than the bound, and not by chance: far targets have wrong masses, "
                          "however light they are",
                          100.0 * (double)part, o->gap.value < 0.0 ? "less" : "more"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rho hides, in words: cells that are wrong for sure, and those that the sample says nothing of. */
static PetscErrorCode ReportLight(const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("  |log(w/nu)|    %.3g at most, of the cells that these curves resolve",
                              (double)o->largest_log));
  if (o->unresolved > 0)
    PetscCall(BrenierPrintWorld(
        "  unresolved     %" PetscInt64_FMT
        " cell%s, too light or too few curves to tell one by one: weight %.3g, mass %.3g together",
        o->unresolved, BrenierPlural(o->unresolved), (double)o->unresolved_weight, (double)o->unresolved_mass));
  if (o->missing > 0)
    PetscCall(BrenierPrintWorld("  missing        %" PetscInt64_FMT
                                " cell%s without mass that should have been met 20 times or more: %s empty",
                                o->missing, BrenierPlural(o->missing), o->missing == 1 ? "it is" : "they are"));
  if (o->wrong > 0)
    PetscCall(BrenierPrintWorld(
        "  wrong          %" PetscInt64_FMT
        " cell%s, %.2g of the weight, %s off by a factor of 1.5 or more, and not by chance; the worst has "
        "%.3g times its weight",
        o->wrong, BrenierPlural(o->wrong), (double)o->wrong_weight, o->wrong == 1 ? "is" : "are", (double)o->worst));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that a sample tells, with its intervals. */
static PetscErrorCode PrintSampled(const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(BrenierPrintWorld("held out, on %" PetscInt64_FMT " fresh curves:", o->curves));
  PetscCall(BrenierPrintWorld(
      "  rho            %.4g   95%% interval %.4g to %.4g   (root-mean-square relative error of the cell masses)",
      (double)o->rho, (double)o->rho_low, (double)o->rho_high));
  PetscCall(BrenierPrintWorld("  sampling noise %.4g   of these masses themselves, already taken out of rho",
                              (double)o->sampling_error));
  PetscCall(BrenierPrintWorld("  tv             %.4g   largest error %.3g   empty cells %" PetscInt64_FMT
                              "   (noise included)",
                              (double)o->tv, (double)o->largest_error, o->empty));
  PetscCall(ReportLight(o));
  PetscCall(ReportDistance("dual", &o->dual, "a lower bound of W2, and the interval of that bound"));
  PetscCall(ReportDistance("primal", &o->primal, "what the map costs"));
  PetscCall(BrenierPrintWorld(
      "  duality gap    %.4g   95%% interval %.4g to %.4g   (of W2^2/2: primal - dual; 0 when all masses are right)",
      (double)o->gap.value, (double)o->gap.low, (double)o->gap.high));
  PetscCall(ReportGap(o));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A name with the letter of its type, and the value. */
#define FIELD(type, name, member, meaning) #type " " #name, o->member,

PetscErrorCode BrenierReportHeldOut(const char event[], const BrenierHeldOut *o)
{
  PetscFunctionBegin;
  PetscCall(o->curves > 0 ? PrintSampled(o) : PrintExact(o));
  PetscCall(BrenierLogEvent(event, "i curves", o->curves, BRENIER_HELD_OUT_NUMBERS(FIELD) NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
