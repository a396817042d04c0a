{{/*
A P-256 key for tokens and the key set (RFC 7517) of it, as a dict of key and keySet.

genPrivateKey writes SEC 1 (RFC 5915), whose last 64 bytes are the public key's x and y. The key's name is the thumbprint of
RFC 7638, because that is what `gatehouse-dev token` calls it.
*/}}
{{- define "gatehouse.newTokenKey" -}}
{{- $key := genPrivateKey "ecdsa" -}}
{{- $der := $key | replace "-----BEGIN EC PRIVATE KEY-----" "" | replace "-----END EC PRIVATE KEY-----" "" | replace "\n" "" | b64dec -}}
{{- if ne (len $der) 121 }}{{ fail "the new token key is not the P-256 key that was expected" }}{{ end -}}
{{- $x := substr 57 89 $der | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $y := substr 89 121 $der | b64enc | replace "+" "-" | replace "/" "_" | trimSuffix "=" -}}
{{- $digest := printf `{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}` $x $y | sha256sum -}}
{{- /* Hexadecimal to base64url: three digits are two letters, and the last digit is one letter and two bits of nothing. */ -}}
{{- $letters := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" -}}
{{- $thumbprint := "" -}}
{{- range $group := until 21 -}}
{{- $bits := printf "0x%s" (substr (int (mul $group 3)) (int (add (mul $group 3) 3)) $digest) | int -}}
{{- $first := int (div $bits 64) -}}
{{- $second := int (mod $bits 64) -}}
{{- $thumbprint = printf "%s%s%s" $thumbprint (substr $first (int (add $first 1)) $letters) (substr $second (int (add $second 1)) $letters) -}}
{{- end -}}
{{- $last := mul (printf "0x%s" (substr 63 64 $digest) | int) 4 | int -}}
{{- $thumbprint = printf "%s%s" $thumbprint (substr $last (int (add $last 1)) $letters) -}}
{{- $entry := dict "kty" "EC" "crv" "P-256" "x" $x "y" $y "kid" $thumbprint "alg" "ES256" "use" "sig" -}}
{{- dict "key" $key "keySet" (dict "keys" (list $entry) | toJson) | toYaml -}}
{{- end -}}
