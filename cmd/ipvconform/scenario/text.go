package scenario

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Hex is bytes that JSON holds as hexadecimal digits.
type Hex []byte

// MarshalText writes digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

// UnmarshalText reads digits.
func (h *Hex) UnmarshalText(b []byte) (err error) {
	*h, err = hex.AppendDecode(nil, b)
	return err
}

// Frames are one frame, or a list of them.
type Frames []Hex

// UnmarshalJSON takes a string for a list of one.
func (f *Frames) UnmarshalJSON(b []byte) error {
	var one Hex
	if json.Unmarshal(b, &one) == nil {
		*f = Frames{one}
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		return fmt.Errorf("hex: %.40s is no even number of hexadecimal digits", b)
	}
	return json.Unmarshal(b, (*[]Hex)(f))
}

// Text is a string that JSON may hold as a number.
type Text string

// UnmarshalJSON takes numbers as they stand.
func (t *Text) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, (*string)(t)) == nil {
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("%s is neither text nor number", b)
	}
	*t = Text(n)
	return nil
}

// Note is a remark of whoever ran a scenario, of any form in JSON.
type Note string

// UnmarshalJSON keeps what is not a string as it stands.
func (n *Note) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, (*string)(n)) != nil {
		*n = Note(b)
	}
	return nil
}
