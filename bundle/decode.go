package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"offlinestore/strictjson"
)

// statementFields are the required fields of the signed statement.
var statementFields = strictjson.Required{"_type", "subject", "subject[].digest", "predicateType", "predicate", "predicate.created",
	"predicate.increment.receiver", "predicate.increment.previous.bundle", "predicate.increment.previous.created",
	"predicate.increment.carried[].bundle", "predicate.increment.carried[].created"}

// configFields are the required fields of the configs, by their media types. A field that is not there would be read as zero, and a
// channel of revision 0 is closed.
var configFields = map[string]strictjson.Required{
	MediaSnapConfig: {
		"name", "snap-id", "snap", "channel-map[].architecture", "channel-map[].channel", "channel-map[].revision",
	},
	MediaRevisionConfig: {
		"name", "snap-id", "revision", "revision.revision", "revision.architectures", "revision.type",
		"revision.download", "revision.download.sha3-384", "revision.download.size",
		"revision.resources[].name", "revision.resources[].revision",
		"revision.resources[].download", "revision.resources[].download.sha3-384", "revision.resources[].download.size",
		"revision.further-resources[].name", "revision.further-resources[].revision",
		"revision.further-resources[].download", "revision.further-resources[].download.sha3-384", "revision.further-resources[].download.size",
		"revision.integrity[].type", "revision.integrity[].hash-algorithm", "revision.integrity[].version", "revision.integrity[].digest",
		"revision.integrity[].download", "revision.integrity[].download.sha3-384", "revision.integrity[].download.size",
	},
	MediaCharmConfig: {
		"name", "id", "type", "channel-map[].channel", "channel-map[].revision",
		"channel-map[].base.architecture", "channel-map[].base.channel", "channel-map[].base.name",
		"channel-map[].resources[].name", "channel-map[].resources[].revision", "result",
	},
	MediaCharmRevisionConfig: {
		"name", "id", "type", "revision", "revision.revision", "revision.download", "revision.download.hash-sha-256", "revision.download.size",
		"revision.bases[].architecture", "revision.bases[].channel", "revision.bases[].name",
		"images[].digest", "images[].name", "snaps[].name",
	},
	MediaCharmResourceConfig: {
		"charm", "charm-id", "resource", "resource.name", "resource.revision", "resource.type", "resource.download", "resource.download.size",
		"image.name",
	},
	MediaAssertionConfig:  {"type", "primary-key"},
	MediaWithdrawalConfig: {"kind", "name", "reason"},
	MediaStoreConfig:      {"brand-id", "id", "name", "snaps", "snaps[].name", "snaps[].snap-id"},
	MediaRepositoryConfig: {"name", "images", "images[].digest", "images[].source"},
}

// decodeConfig decodes the config of an item. data has the content of the small blobs.
func decodeConfig(m *ocispec.Manifest, data map[digest.Digest][]byte, config any) error {
	return strictjson.Decode(data[m.Config.Digest], config, configFields[m.Config.MediaType])
}

// decodeValue decodes one value, which nothing follows. It is for JSON that is compared with its canonical encoding afterwards.
func decodeValue(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}
