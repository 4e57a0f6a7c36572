package presign

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// endpointOf is the endpoint that cfg gives to S3 in place of AWS's own, as the
// SDK's client would find it; "": none.
func endpointOf(cfg aws.Config) (string, error) {
	for _, source := range cfg.ConfigSources {
		s, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, set, err := s.GetServiceBaseEndpoint(context.Background(), "S3"); err != nil || set {
			return endpoint, err
		}
	}
	return aws.ToString(cfg.BaseEndpoint), nil
}

// bucketURL is the URL of a bucket, with a slash at its end. On AWS that is
// the bucket's own host, which differs between AWS's partitions: the caller
// has it from AWS. An endpoint in place of AWS takes the bucket in the path:
// there are no host names for it.
func bucketURL(endpoint, bucket, host string) (*url.URL, error) {
	if endpoint != "" {
		return url.Parse(strings.TrimSuffix(endpoint, "/") + "/" + bucket + "/")
	}
	if host == "" {
		return nil, errNoHost
	}
	return url.Parse("https://" + host + "/")
}

var errNoHost = errors.New("neither the bucket's host nor an endpoint in place of AWS is given")
