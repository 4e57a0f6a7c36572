package presign

import (
	"context"
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

// bucketURL is the URL of a bucket, with a slash at its end. On AWS the bucket
// is part of the host name, unless it has dots that no certificate covers. An
// endpoint of its own takes it in the path: there are no host names for it.
func bucketURL(endpoint, region, bucket string) (*url.URL, error) {
	if endpoint != "" {
		return url.Parse(strings.TrimSuffix(endpoint, "/") + "/" + bucket + "/")
	}
	host := "s3." + region + ".amazonaws.com"
	if strings.HasPrefix(region, "cn-") {
		host += ".cn"
	}
	if strings.Contains(bucket, ".") {
		return url.Parse("https://" + host + "/" + bucket + "/")
	}
	return url.Parse("https://" + bucket + "." + host + "/")
}
