// Package apigw puts one http.Handler behind API Gateway: it reads the events
// of an HTTP API (payload 2.0) and of a REST API (payload 1.0), calls the
// handler, and answers in the format that it was asked in. Requests are routed
// by routeKey or resource, never by the raw path, which carries the stage.
//
// Formats: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package apigw
