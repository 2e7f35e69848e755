package yamlfile

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Fields are the settable fields of a struct by the names that its json tags
// give, fields of embedded structs among them: strings, ints and bools.
type Fields struct {
	Names []string // in the order of the fields
	of    map[string]reflect.Value
}

// FieldsOf gives the fields of the struct that to points to. rename changes a
// name, or with "" leaves the field out.
func FieldsOf(to any, rename func(name string) string) Fields {
	f := Fields{of: map[string]reflect.Value{}}
	f.take(reflect.ValueOf(to).Elem(), rename)
	return f
}

func (f *Fields) take(v reflect.Value, rename func(string) string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct {
			f.take(v.Field(i), rename)
			continue
		}
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		name := rename(tag)
		if tag == "" || name == "" || !settable(field.Type.Kind()) {
			continue
		}
		f.Names = append(f.Names, name)
		f.of[name] = v.Field(i)
	}
}

func settable(k reflect.Kind) bool {
	return k == reflect.String || k == reflect.Int || k == reflect.Bool
}

// Has reports whether there is a field of that name.
func (f Fields) Has(name string) bool {
	_, ok := f.of[name]
	return ok
}

// IsZero reports whether the field has its zero value.
func (f Fields) IsZero(name string) bool { return f.of[name].IsZero() }

// Get is the field's value.
func (f Fields) Get(name string) any { return f.of[name].Interface() }

// Set reads v into the field.
func (f Fields) Set(name string, v Value) {
	field := f.of[name]
	switch field.Kind() {
	case reflect.Bool:
		if b, ok := v.Bool(); ok {
			field.SetBool(b)
		}
	case reflect.Int:
		v.Set(func(text string) error {
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("%s %q is not a number", name, text)
			}
			field.SetInt(int64(n))
			return nil
		})
	default:
		if text, ok := v.Text(); ok {
			field.SetString(text)
		}
	}
}
