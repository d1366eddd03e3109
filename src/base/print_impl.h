/* print_impl.h - Printing where rank 0 alone knows that there is something to print. */
#pragma once

#include "context_impl.h"

/* Hands a line to the printer of the context, if it has one, on the rank that calls. */
void BrenierPrintHere_Private(const BrenierContext *context, BrenierPrintKind kind, const char format[], ...)
    PETSC_ATTRIBUTE_FORMAT(3, 4);
