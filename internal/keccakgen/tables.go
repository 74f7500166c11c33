package main

// rate is the size of a block of SHA3-384 in bytes.
const rate = 104

// words is the number of 64-bit words in a block.
const words = rate / 8

// at returns the number of the word with the coordinates x and y, as FIPS 202 counts them.
func at(x, y int) int { return x%5 + 5*(y%5) }

// rotations returns the offsets of the step ρ, by word. FIPS 202, 3.2.2.
func rotations() (r [25]int) {
	x, y := 1, 0
	for t := range 24 {
		r[at(x, y)] = (t + 1) * (t + 2) / 2 % 64
		x, y = y, (2*x+3*y)%5
	}
	return r
}

// origin returns the word that the step π moves to the coordinates x and y. FIPS 202, 3.2.3.
func origin(x, y int) int { return at(x+3*y, x) }

// cycle returns the words other than 0 in the order in which the step π takes them: each word comes from the one after it,
// and the last from the first.
func cycle() (c [24]int) {
	i := at(1, 0)
	for n := range c {
		c[n] = i
		i = origin(i%5, i/5)
	}
	return c
}
