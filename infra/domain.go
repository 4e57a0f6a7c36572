package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// customDomain is a host name of the operator's, before either kind of API.
type customDomain struct {
	url            string
	target, zoneID string // what the name's record in DNS points to
}

// newDomain puts the API under -c domain. The name and its mapping stand beside
// the API: a change from one kind of API to the other keeps both, so callers and
// DNS notice nothing. Only this newer kind of domain name takes HTTP and REST APIs.
func newDomain(parent constructs.Construct, s settings, front gateway) customDomain {
	scope := constructs.NewConstruct(parent, jsii.String("Domain"))
	name := awsapigatewayv2.NewCfnDomainName(scope, jsii.String("Name"), &awsapigatewayv2.CfnDomainNameProps{
		DomainName: jsii.String(s.domain),
		DomainNameConfigurations: &[]interface{}{&awsapigatewayv2.CfnDomainName_DomainNameConfigurationProperty{
			CertificateArn: jsii.String(s.certificate),
			EndpointType:   jsii.String("REGIONAL"),
			SecurityPolicy: jsii.String("TLS_1_2"),
		}},
		Tags: &map[string]*string{"project": jsii.String("runlease"), "stage": jsii.String(s.stage.name)},
	})
	mapping := awsapigatewayv2.NewCfnApiMapping(scope, jsii.String("Mapping"), &awsapigatewayv2.CfnApiMappingProps{
		DomainName: name.Ref(), ApiId: jsii.String(front.id), Stage: jsii.String(front.stage),
	})
	mapping.Node().AddDependency(front.made)
	return customDomain{"https://" + s.domain, *name.AttrRegionalDomainName(), *name.AttrRegionalHostedZoneId()}
}
