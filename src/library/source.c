/* source.c - Implements the sources of brenier.h: a law of the caller's behind the table of src/data. */
#include "library_impl.h"

#include "data/source_impl.h"

#include <ctype.h>

/* A registered law stays for as long as the process. */
typedef struct {
  BrenierSourceLaw law; /* first, so that a source leads here */
  brenier_source   own;
} Registered;

static const brenier_source *Own(BrenierSource source)
{
  return &((const Registered *)source->law)->own;
}

static void DrawCurve(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, BrenierCurve *curve)
{
  const brenier_source *own = Own(source);

  own->curve(own->user, (int)source->dim, (int)source->ambient, (uint64_t)seed, stream, (uint64_t)index, curve->z1,
             curve->z2);
}

static void DrawPoint(BrenierSource source, PetscInt64 seed, uint32_t stream, PetscInt64 index, PetscReal x[])
{
  const brenier_source *own = Own(source);

  own->point(own->user, (int)source->dim, (int)source->ambient, (uint64_t)seed, stream, (uint64_t)index, x);
}

static PetscReal SecondMoment(BrenierSource source)
{
  return Own(source)->second_moment(Own(source)->user, (int)source->ambient);
}

static int IsName(const char name[])
{
  for (const char *c = name; *c; ++c)
    if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-') return 0;
  return name[0] != '\0';
}

brenier_code brenier_source_register(const brenier_source *source)
{
  Registered *made;
  char       *name;

  if (!source) return LibraryRefuse("brenier_source_register: source is NULL");
  if (!source->name || !source->curve || !source->point || !source->second_moment)
    return LibraryRefuse("brenier_source_register: name, curve, point and second_moment have to be given");
  if (!IsName(source->name))
    return LibraryRefuse("brenier_source_register: the name '%s' is not of letters, digits, '_' and '-'", source->name);
  if (source->least_dim < 1)
    return LibraryRefuse("brenier_source_register: least_dim is %d; give 1 or more", source->least_dim);
  made = calloc(1, sizeof *made);
  name = strdup(source->name);
  if (!made || !name) return BRENIER_CODE_MEMORY;
  made->law = (BrenierSourceLaw){.curve         = BRENIER_CURVE_CIRCLE,
                                 .least_dim     = source->least_dim,
                                 .refusal       = "in fewer it is not defined",
                                 .draw_curve    = DrawCurve,
                                 .draw_point    = DrawPoint,
                                 .second_moment = SecondMoment};
  if (source->rotations) made->law.symmetry = BRENIER_SYMMETRY_ROTATIONS;
  made->own      = *source;
  made->own.name = name;
  if (BrenierSourceRegister_Private(name, &made->law)) return LibraryFine();
  LibraryRefuse("brenier_source_register: there is a source '%s' already, or no room for one more", name);
  free(made);
  free(name);
  return BRENIER_CODE_ARGUMENT;
}

const char *brenier_source_name(int index)
{
  return BrenierSourceListed(index);
}

void brenier_random_uniform(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  BrenierRandomUniform(seed, stream, index, count, x);
}

void brenier_random_normal(uint64_t seed, uint32_t stream, uint64_t index, size_t count, double x[])
{
  BrenierRandomNormal(seed, stream, index, count, x);
}
