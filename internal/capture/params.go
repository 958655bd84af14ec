package capture

import "strings"

// Params is what may be known of the values bound to a statement without keeping them.
type Params struct {
	Classes Classes // classes of the first eight values
	Hash    uint32  // of all values, under a key of this process; 0 unless hashing is on
}

// Classes packs the classes of up to eight values, four bits each, the first lowest.
type Classes uint32

// ClassesKept is how many values have a place in Classes.
const ClassesKept = 8

// Class is a bound value's type and, of texts and blobs, its size.
type Class uint8

// The classes. ClassNone is where no value was bound.
const (
	ClassNone Class = iota
	ClassNull
	ClassInt
	ClassFloat
	ClassBool
	ClassTime
	ClassText16 // texts of at most 16 bytes
	ClassText256
	ClassText4K
	ClassTextLong
	ClassBlob16 // blobs of at most 16 bytes
	ClassBlob256
	ClassBlob4K
	ClassBlobLong
	ClassOther
)

var classNames = [...]string{"none", "null", "int", "float", "bool", "time", "text≤16", "text≤256", "text≤4K", "text>4K",
	"blob≤16", "blob≤256", "blob≤4K", "blob>4K", "other"}

// String returns the class as a word, such as "int" or "text≤16".
func (c Class) String() string { return classNames[c] }

// Sized is the class of a text or blob of n bytes: base is that of the shortest.
func Sized(base Class, n int) Class {
	switch {
	case n <= 16:
		return base
	case n <= 256:
		return base + 1
	case n <= 4096:
		return base + 2
	}
	return base + 3
}

// Set gives the value at index i, from 0, its class. Beyond the eighth it does nothing.
func (c *Classes) Set(i int, class Class) {
	if i < ClassesKept {
		*c |= Classes(class) << (4 * i)
	}
}

// At is the class of the value at index i below ClassesKept.
func (c Classes) At(i int) Class { return Class(c >> (4 * i) & 15) }

// ClassSet is a set of classes.
type ClassSet uint16

// Add adds class to the set.
func (s *ClassSet) Add(class Class) { *s |= 1 << class }

// String lists the classes, joined by "|".
func (s ClassSet) String() string {
	var names []string
	for class, name := range classNames {
		if s&(1<<class) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "|")
}
