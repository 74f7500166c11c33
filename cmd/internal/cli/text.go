package cli

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// errUTF16 means that a text in UTF-16 is damaged, or that its bytes are none.
var errUTF16 = errors.New("it begins like a text in UTF-16, and is none: save it as UTF-8")

// decodeText returns a text as UTF-8 without a byte order mark, with the line ends of Unix. Windows PowerShell writes UTF-16 for
// 'command > file', and editors there add byte order marks and carriage returns. A text in which only some lines end with a carriage
// return stays as it is, because these belong to its content.
func decodeText(text []byte) ([]byte, error) {
	if isUTF16(text) {
		return fromUTF16(text)
	}
	return unixLines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))), nil
}

// isUTF16 reports whether a text begins with a byte order mark of UTF-16.
func isUTF16(text []byte) bool {
	return bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff"))
}

func fromUTF16(text []byte) ([]byte, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if text[0] == 0xfe {
		order = binary.BigEndian
	}
	text = text[2:]
	if len(text)%2 != 0 {
		return nil, errUTF16
	}
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = order.Uint16(text[2*i:])
	}
	decoded := []byte(string(utf16.Decode(units)))
	if bytes.ContainsRune(decoded, utf8.RuneError) {
		return nil, errUTF16
	}
	return unixLines(decoded), nil
}

func unixLines(text []byte) []byte {
	crlf := []byte("\r\n")
	if n := bytes.Count(text, crlf); n == 0 || n != bytes.Count(text, crlf[1:]) {
		return text
	}
	return bytes.ReplaceAll(text, crlf, crlf[1:])
}
