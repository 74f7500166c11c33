package main

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// partOptions are the flags of an export in parts.
type partOptions struct {
	size      string
	startOver bool
	// bytes is the largest size of a part, or 0 for one file.
	bytes int64
}

func (o *partOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.size, "part-size", "", "write files of at most this `size` each (650M, 4.7G, 4GiB), for media; the push needs all of them")
	f.BoolVar(&o.startOver, "start-over", false, "with --part-size: do not go on with the parts of an earlier, unfinished run")
}

func (o *partOptions) validate(given func(flag string) bool) (err error) {
	if !given("part-size") {
		if o.startOver {
			return cli.Usagef("--start-over needs --part-size")
		}
		return nil
	}
	if o.bytes, err = parsePartSize(o.size); err != nil {
		return cli.Usagef("--part-size: %w", err)
	}
	return nil
}

// parsePartSize parses a size as the labels of media have it: 650M, 4.7G, 4GiB.
func parsePartSize(s string) (int64, error) {
	digits := strings.TrimRight(s, "bBkKmMgGtTiI")
	unit := s[len(digits):]
	if len(unit) == 1 && !strings.EqualFold(unit, "b") {
		unit += "B"
	}
	one, err := exporter.ParseSize("1" + unit)
	n, ok := new(big.Rat).SetString(strings.TrimSpace(digits))
	if err != nil || !ok || strings.ContainsAny(digits, "/eEpPxX_+-") {
		return 0, fmt.Errorf("size %.40q: want a number with M, G or GiB, such as 4.7G", s)
	}
	n.Mul(n, new(big.Rat).SetInt64(one))
	size := new(big.Int).Quo(n.Num(), n.Denom())
	if !size.IsInt64() || size.Sign() <= 0 || size.Int64() > 2*bundle.MaxBlobSize {
		return 0, fmt.Errorf("size %.40q: want more than 0, and at most %d bytes", s, 2*bundle.MaxBlobSize)
	}
	return size.Int64(), nil
}

// partName returns the name of the file of a part: week47.part1of4.tar.gz.
func partName(file string, number, count int) string {
	file, isEncrypted := strings.CutSuffix(file, bundle.EncryptedExtension)
	ext, end := "", ""
	if isEncrypted {
		end = bundle.EncryptedExtension
	}
	for _, c := range []bundle.Compression{bundle.Gzip, bundle.Zstd, bundle.None} {
		if strings.HasSuffix(file, c.Extension()) {
			ext = c.Extension()
			break
		}
	}
	return fmt.Sprintf("%s.part%0*dof%d%s", strings.TrimSuffix(file, ext), len(strconv.Itoa(count)), number, count, ext+end)
}
