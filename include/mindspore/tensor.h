/**
 * @file tensor.h
 * Tensors: a name, an element type, a shape of at most eight dimensions, a layout name, and either no data, a buffer of their
 * own, or a buffer borrowed from the caller.
 *
 * Every function accepts NULL and handles that are not (or no longer) tensors: setters then do nothing, getters return what
 * their description says. Tensors are not thread-safe.
 */
#ifndef MINDSPORE_INCLUDE_C_API_TENSOE_C_H
#define MINDSPORE_INCLUDE_C_API_TENSOE_C_H

#include <stddef.h>
#include <stdint.h>
#include "mindspore/status.h"
#include "mindspore/types.h"
#include "mindspore/data_type.h"
#include "mindspore/format.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A tensor. Compare with NULL only; not a pointer to anything. */
typedef void *OH_AI_TensorHandle;

/** Where a tensor gets its own buffers from. Borrowed from a model; never released by the caller. Since API 12. */
typedef void *OH_AI_AllocatorHandle;

/**
 * Makes a tensor with layout NHWC. The caller releases it with OH_AI_TensorDestroy().
 * @param name copied
 * @param type a type that has a size
 * @param shape `shape_num` dimensions, each -1 (not known yet) or more; copied
 * @param shape_num at most 8
 * @param data the elements, or NULL for none. Not copied: stays the caller's, who keeps it alive while the tensor is used and
 *        frees it, before or after the tensor
 * @param data_len bytes of `data`: exactly the elements times their size; 0 without data
 * @return NULL when an argument is not as described
 */
OH_AI_API OH_AI_TensorHandle OH_AI_TensorCreate(const char *name, OH_AI_DataType type, const int64_t *shape,
                                                size_t shape_num, const void *data, size_t data_len);

/**
 * Releases a tensor and the buffer it owns, and writes NULL to `*tensor`. A borrowed buffer is not touched. Tensors that
 * belong to a model stay with the model.
 * @param tensor address of the handle; NULL and an address of NULL are accepted
 */
OH_AI_API void OH_AI_TensorDestroy(OH_AI_TensorHandle *tensor);

/**
 * Makes an independent copy, data included, named after the original with "_duplicate" added.
 * @return NULL when `tensor` is no tensor, has a size but no data, or memory runs out
 */
OH_AI_API OH_AI_TensorHandle OH_AI_TensorClone(OH_AI_TensorHandle tensor);

/** Gives the tensor another name (copied). A NULL name changes nothing. */
OH_AI_API void OH_AI_TensorSetName(OH_AI_TensorHandle tensor, const char *name);

/** @return the name, owned by the tensor, valid until it gets another name or is released; NULL for no tensor */
OH_AI_API const char *OH_AI_TensorGetName(const OH_AI_TensorHandle tensor);

/** Stores any element type; the buffer stays. */
OH_AI_API void OH_AI_TensorSetDataType(OH_AI_TensorHandle tensor, OH_AI_DataType type);

/** @return the stored type; OH_AI_DATATYPE_UNKNOWN for no tensor */
OH_AI_API OH_AI_DataType OH_AI_TensorGetDataType(const OH_AI_TensorHandle tensor);

/**
 * Replaces the shape; the number of dimensions may change. On an input of a model this does not resize the model (see
 * OH_AI_ModelResize()). More than 8 dimensions are not read: the tensor is left with none and without data.
 */
OH_AI_API void OH_AI_TensorSetShape(OH_AI_TensorHandle tensor, const int64_t *shape, size_t shape_num);

/**
 * @param shape_num receives the number of dimensions
 * @return the dimensions, owned by the tensor, valid until its shape changes or it is released; NULL for no tensor or when
 *         `shape_num` is NULL, which leave `*shape_num` as it was
 */
OH_AI_API const int64_t *OH_AI_TensorGetShape(const OH_AI_TensorHandle tensor, size_t *shape_num);

/** Stores the layout's name. No element moves. */
OH_AI_API void OH_AI_TensorSetFormat(OH_AI_TensorHandle tensor, OH_AI_Format format);

/** @return the stored layout; OH_AI_FORMAT_NHWC for no tensor */
OH_AI_API OH_AI_Format OH_AI_TensorGetFormat(const OH_AI_TensorHandle tensor);

/**
 * Lets the tensor use the caller's memory, which must hold OH_AI_TensorGetDataSize() bytes when a model uses the tensor. It is
 * neither copied nor freed.
 * @param data NULL leaves the tensor without data
 */
OH_AI_API void OH_AI_TensorSetData(OH_AI_TensorHandle tensor, void *data);

/** @return the data, or NULL when there is none or no tensor; owned by the tensor or by whoever lent it */
OH_AI_API const void *OH_AI_TensorGetData(const OH_AI_TensorHandle tensor);

/**
 * @return the data for writing. A tensor without data gets a buffer of its own first, filled with zeros. NULL for no tensor, a
 *         size of 0, or when memory runs out
 */
OH_AI_API void *OH_AI_TensorGetMutableData(const OH_AI_TensorHandle tensor);

/**
 * @return the product of the dimensions: 1 without dimensions, 0 when one is not known, INT64_MAX when it does not fit; with
 *         layout NC4HW4 channels count as padded. 0 for no tensor
 */
OH_AI_API int64_t OH_AI_TensorGetElementNum(const OH_AI_TensorHandle tensor);

/**
 * @return bytes that the elements take, whether there is data or not; with layouts NHWC4 and NC4HW4 channels count as padded to
 *         a multiple of four. 0 for a type without size and for no tensor
 */
OH_AI_API size_t OH_AI_TensorGetDataSize(const OH_AI_TensorHandle tensor);

/**
 * Lets the tensor use the caller's memory, with its size checked, and forgets its allocator. It is neither copied nor freed;
 * the caller frees it after the tensor (or its model) is gone or uses other memory. Since API 10.
 * @param data_size bytes of `data`, equal to OH_AI_TensorGetDataSize() unless that is 0
 * @return OH_AI_STATUS_LITE_NULLPTR for no tensor, OH_AI_STATUS_LITE_PARAM_INVALID for another size
 */
OH_AI_API OH_AI_Status OH_AI_TensorSetUserData(OH_AI_TensorHandle tensor, void *data, size_t data_size);

/**
 * @return the allocator of a model's tensor, valid while the model lives, or the one set on the tensor; NULL for none and for
 *         no tensor. Since API 12
 */
OH_AI_API OH_AI_AllocatorHandle OH_AI_TensorGetAllocator(OH_AI_TensorHandle tensor);

/**
 * Makes the tensor's later buffers come from an allocator. Since API 12.
 * @return OH_AI_STATUS_LITE_NULLPTR for no tensor or an allocator whose model is gone, OH_AI_STATUS_LITE_PARAM_INVALID for an
 *         allocator that OH_AI_TensorGetAllocator() has never returned
 */
OH_AI_API OH_AI_Status OH_AI_TensorSetAllocator(OH_AI_TensorHandle tensor, OH_AI_AllocatorHandle allocator);

#ifdef __cplusplus
}
#endif
#endif
