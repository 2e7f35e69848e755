package dpdk

/*
#include <stdlib.h>
#include <rte_telemetry.h>
#include "shim.h"
*/
import "C"

import (
	"strings"
	"unsafe"
)

// answerRoom counts how much of an answer's room is left. DPDK leaves out silently
// what does not fit, and can write half of a container.
type answerRoom int

// take takes the room of texts as JSON, or says that there is none.
func (r *answerRoom) take(texts ...string) bool {
	const quotes = len(`"",""`) + 20 // a number, brackets
	n := quotes
	for _, t := range texts {
		n += 2*len(t) + len(`"",`) // all of it escaped, at worst
	}
	if n > int(*r) {
		*r = 0
		return false
	}
	*r -= answerRoom(n)
	return true
}

// fill makes DPDK's structure of an answer: 0, or less on an error.
func fill(out *C.struct_rte_tel_data, a Answer) C.int {
	room := answerRoom(maxAnswer)
	if a.Dict == nil {
		return fillList(out, a.List, &room)
	}
	ret := C.rte_tel_data_start_dict(out)
	for i, e := range a.Dict {
		e.text, e.list = cut(e.text), cutAll(e.list)
		if ret < 0 || i >= MaxAnswerEntries || !room.take(append(e.list, e.name, e.text)...) {
			break
		}
		ret = addEntry(out, e)
	}
	return ret
}

// fillList makes an array of texts.
func fillList(out *C.struct_rte_tel_data, list []string, room *answerRoom) C.int {
	ret := C.rte_tel_data_start_array(out, C.RTE_TEL_STRING_VAL)
	for i, text := range cutAll(list) {
		if ret < 0 || i >= MaxAnswerList || !room.take(text) {
			break
		}
		ret = withText(text, func(c *C.char) C.int { return C.rte_tel_data_add_array_string(out, c) })
	}
	return ret
}

// addEntry adds an entry to a dictionary.
func addEntry(out *C.struct_rte_tel_data, e Entry) C.int {
	return withText(entryName(e.name), func(name *C.char) C.int {
		switch {
		case e.number != nil:
			return C.ipvd_telemetry_number(out, name, C.uint64_t(*e.number))
		case e.list != nil:
			return addList(out, name, e.list)
		}
		return withText(e.text, func(c *C.char) C.int { return C.rte_tel_data_add_dict_string(out, name, c) })
	})
}

// addList adds a list, whose structure DPDK frees once it has been written.
func addList(out *C.struct_rte_tel_data, name *C.char, list []string) C.int {
	part := C.rte_tel_data_alloc()
	if part == nil {
		return -C.int(12) // ENOMEM
	}
	room := answerRoom(maxAnswer) // it has been taken
	ret := fillList(part, list, &room)
	if ret >= 0 {
		ret = C.rte_tel_data_add_dict_container(out, name, part, 0)
	}
	if ret < 0 {
		C.rte_tel_data_free(part)
	}
	return ret
}

// withText calls f with a copy of text, which DPDK copies again.
func withText(text string, f func(*C.char) C.int) C.int {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return f(c)
}

// cut cuts a text to what DPDK takes, and leaves no half of a character.
func cut(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), MaxAnswerText)], "")
}

func cutAll(list []string) []string {
	if list == nil {
		return nil
	}
	all := make([]string, min(len(list), MaxAnswerList))
	for i := range all {
		all[i] = cut(list[i])
	}
	return all
}

// entryName is a name as DPDK takes it.
func entryName(name string) string {
	return strings.Map(func(c rune) rune {
		if c == '/' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return c
		}
		return '_'
	}, cut(name))
}
