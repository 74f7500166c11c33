//go:build cgo && !windows

package hsm

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>

// The beginning of a module's API, by section 5.4 of PKCS #11 v2.40. The list of functions is opaque here.
typedef unsigned long (*get_function_list)(void **list);

static int has_function_list(const char *path, unsigned long *code)
{
	void *handle = dlopen(path, RTLD_LAZY);
	if (!handle)
		return 0;
	get_function_list get = (get_function_list)dlsym(handle, "C_GetFunctionList");
	void *list = NULL;
	if (!get)
		return 0;
	*code = get(&list);
	return *code == 0 && list != NULL;
	// The handle stays open, because modules are never unloaded.
}
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/miekg/pkcs11"
)

// checkFunctionList returns an error if a module does not give its functions. p11-kit's client module gives none without a good address of a
// server, and p11-kit's proxy none if it can't read its settings. Package pkcs11 does not check this, and would crash.
func checkFunctionList(path string) error {
	text := C.CString(path)
	defer C.free(unsafe.Pointer(text))
	var code C.ulong
	switch ok := C.has_function_list(text, &code); {
	case ok != 0:
		return nil
	case code != 0:
		return fmt.Errorf("%w: %s: it gives no functions: %w", ErrNoModule, path, pkcs11.Error(code))
	}
	return fmt.Errorf("%w: %s is missing, or is no module for this processor", ErrNoModule, path)
}
