/**
 * @file mslite.hpp
 * The C interface for C++17: owners that release what they hold, views that cost nothing, and results that carry either a value or an
 * error with its text. Headers only; links with libmslite.so or libmslite.a; needs neither exceptions nor RTTI.
 *
 *     mslite::Model model = mslite::Model::from_file("model.ms").value();          // throws mslite::Exception
 *     auto outputs = model.predict();                                              // or asks
 *     if (!outputs) puts(outputs.error().text());
 *
 * Every function that can fail returns a Result (result.hpp): `.value()` throws, `if (result)` and `.error()` do not. The same
 * program may do both. Nothing here locks: as in C, one thread at a time uses a model, a context or a tensor.
 */
#ifndef MSLITE_MSLITE_HPP
#define MSLITE_MSLITE_HPP

#include "mslite/cpp/context.hpp"
#include "mslite/cpp/model.hpp"
#include "mslite/cpp/result.hpp"
#include "mslite/cpp/span.hpp"
#include "mslite/cpp/tensor.hpp"

#endif
