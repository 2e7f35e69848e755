package yamlfile

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Value is a value of a file, with its place.
type Value struct {
	f    *File
	node ast.Node
	at   *token.Token // nil: the node's own
}

// Entry is a key and its value.
type Entry struct {
	Key   string
	Value Value
	at    Value // the key itself
}

// Fail records what is wrong with the value.
func (v Value) Fail(format string, args ...any) {
	at := v.at
	if at == nil && v.node != nil {
		at = first(v.node)
	}
	v.f.add(at, fmt.Errorf(format, args...))
}

// Fail records what is wrong with the key.
func (e Entry) Fail(format string, args ...any) { e.at.Fail(format, args...) }

// Unknown records that the key is none of want.
func (e Entry) Unknown(want []string) {
	e.Fail("key %q is unknown: want one of %s", e.Key, strings.Join(want, ", "))
}

// first is the token that a node begins with.
func first(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return first(n.Values[0])
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	}
	return n.GetToken()
}

// Entries are the entries of a mapping. A Value of an empty file has none.
func (v Value) Entries() []Entry {
	var pairs []*ast.MappingValueNode
	switch n := v.node.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		v.Fail("want keys with values, not %s", v.what())
	}
	var entries []Entry
	for _, p := range pairs {
		key := Value{v.f, p.Key, p.Key.GetToken()}
		if p.Key.IsMergeKey() {
			key.Fail("merge keys are not taken: write the values themselves")
			continue
		}
		entries = append(entries, Entry{key.at.Value, Value{v.f, p.Value, nil}.or(key), key})
	}
	return entries
}

// or lets problems of a value that is not there point to its key.
func (v Value) or(key Value) Value {
	if v.node == nil || v.node.Type() == ast.NullType {
		v.at = key.at
	}
	return v
}

// Items are the items of a sequence.
func (v Value) Items() []Value {
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.Fail("want a list, not %s", v.what())
		return nil
	}
	items := make([]Value, len(n.Values))
	for i, item := range n.Values {
		items[i] = Value{v.f, item, nil}
	}
	return items
}

// Text is a scalar as it is written; ok is false after a problem.
func (v Value) Text() (text string, ok bool) {
	switch n := v.node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	v.Fail("want a single value, not %s", v.what())
	return "", false
}

// Bool is true or false, in these words; ok is false after a problem.
func (v Value) Bool() (b, ok bool) {
	text, ok := v.Text()
	if ok && text != "true" && text != "false" {
		v.Fail("want true or false, not %q", text)
		return false, false
	}
	return text == "true", ok
}

// Set gives set the scalar, and records what it refuses.
func (v Value) Set(set func(text string) error) {
	text, ok := v.Text()
	if !ok {
		return
	}
	if err := set(text); err != nil {
		v.f.add(first(v.node), err)
	}
}

// what is a word for the value's kind.
func (v Value) what() string {
	switch v.node.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AnchorNode, *ast.AliasNode:
		return "an anchor or alias, which is not taken"
	case *ast.TagNode:
		return "a tag, which is not taken"
	}
	return "a single value"
}
