package main

var (
	memoryArtifacts = command{pkg: "./shared/memory", tests: "^TestArtifacts$"}
	s3              = command{pkg: "./shared/s3artifact", tests: "^Test(Put|Stat)"}
	signing         = command{pkg: "./shared/s3artifact/presign", tests: "URL"}
)

// artifacts are what a presigned URL allows.
var artifacts = []source{
	{file: "shared/memory/artifacts.go", tests: []command{memoryArtifacts}, guards: []guard{
		{name: "memory artifacts: the signature is compared", keeps: "S", from: `!hmac.Equal([]byte(want), []byte(signature))`, to: `want+signature == ""`},
		{name: "memory artifacts: the signature covers the method", keeps: "S", from: `"%s\n%s\n%s", method,`, to: `"%s\n%s",`},
		{name: "memory artifacts: the signature covers the key", keeps: "S", from: `"%s\n%s\n%s", method, key,`, to: `"%s\n%s", method,`},
		{name: "memory artifacts: the signature covers the parameters", keeps: "S", from: `"%s\n%s\n%s", method, key, query)`, to: `"%s\n%s", method, key)`},
		{name: "memory artifacts: expiry", keeps: "S", from: `a.now().Unix() >= expires:`, to: `a.now().Unix() >= expires+1<<40:`},
		{name: "memory artifacts: the life of a download", keeps: "S", from: `dispatch.URLLife,`, to: `2*dispatch.URLLife,`},
		{name: "memory artifacts: the life of an upload", keeps: "S", from: `key, dispatch.UploadLife, params)`, to: `key, 2*dispatch.UploadLife, params)`},
		{name: "memory artifacts: an upload over what exists is told", keeps: "S", from: `case !stored:`, to: `case !stored && size < 0:`},
		{name: "memory artifacts: the condition must be sent", keeps: "S", from: "\t\tr.Header.Get(headerIfNoneMatch) != \"*\",\n", to: ""},
		{name: "memory artifacts: the checksum must be sent", keeps: "S", from: "\t\tr.Header.Get(headerChecksum) != base64.StdEncoding.EncodeToString(sum),\n", to: "\t\tsum == nil,\n"},
		{name: "memory artifacts: the length must be sent", keeps: "S", from: "sum),\n\t\tr.ContentLength != size:", to: `sum):`},
	}},
	{file: "shared/memory/objects.go", tests: []command{memoryArtifacts}, guards: []guard{
		{name: "memory objects: nothing is overwritten", keeps: "S", from: `o.objects[key]; exists {`, to: `o.objects[key]; exists && key == "" {`},
		{name: "memory objects: the hash of what is kept", keeps: "S", from: `!= want.SHA256`, to: `== ""`},
	}},
	{file: "shared/s3artifact/presign/presign.go", tests: []command{signing}, guards: []guard{
		{name: "presign: the life of a download", keeps: "S", from: `dispatch.URLLife,`, to: `2*dispatch.URLLife,`},
		{name: "presign: the life of an upload", keeps: "S", from: `dispatch.UploadLife,`, to: `2*dispatch.UploadLife,`},
		{name: "presign: no overwrite", keeps: "S", from: `a, map[string]string{headerIfNoneMatch: "*"})`, to: `a, map[string]string{})`},
		{name: "presign: a draft's tag is signed", keeps: "E", from: `, headerTagging: dispatch.DraftTag})`, to: `})`},
		{name: "presign: the hash is signed", keeps: "S", from: `headers[headerChecksum] = `, to: `headers["X-Sum"] = `},
		{name: "presign: the size is signed", keeps: "S", from: `Header: http.Header{}, ContentLength: a.Size}`, to: `Header: http.Header{}}`},
		{name: "presign: only of a size and a hash", keeps: "S", from: `len(sum) != 32 || `, to: ``},
		{name: "presign: only of a size", keeps: "S", from: `|| a.Size < 0 `, to: ``},
	}},
	{file: "shared/s3artifact/artifacts.go", tests: []command{s3}, guards: []guard{
		{name: "s3: no overwrite by a put", keeps: "S", from: `, IfNoneMatch: aws.String("*"),`, to: `,`},
		{name: "s3: the hash of what is put", keeps: "S", from: `ChecksumSHA256: &sum, `, to: `ContentLanguage: &sum, `},
		{name: "s3: what is there already is there", keeps: "I6", from: `case err == nil, code == http.StatusPreconditionFailed:`, to: `case err == nil:`},
		{name: "s3: another upload under way is waited for", keeps: "I6", from: `case code == http.StatusConflict && left > 1:`, to: `case false:`},
		{name: "s3: but not for ever", keeps: "E", from: `&& left > 1:`, to: `&& left > -9:`},
		{name: "s3: asks for the hash", keeps: "I4", from: `types.ChecksumModeEnabled,`, to: `types.ChecksumMode(""),`},
		{name: "s3: a hash that is not of the whole object", keeps: "I4", from: "|| len(sum) != 32 {\n\t\treturn \"\"\n\t}", to: "{\n\t\treturn \"\"\n\t}"},
		{name: "s3: what is not there", keeps: "I6", from: "http.StatusNotFound {\n\t\treturn job.", to: "http.StatusGone {\n\t\treturn job."},
	}},
}
