import HTTPTypes

/// The OpenAPI 3.1 document of a service, written from the endpoints that serve it.
public struct OpenAPIDocument: Sendable {
    public let json: JSONValue

    public init(_ identity: ServiceIdentity, endpoints: [Endpoint]) {
        let tag = JSONValue.string(identity.title)
        var paths: [(path: String, operations: [JSONValue.Member])] = []
        var schemas = Problem.schema.components
        for endpoint in endpoints {
            let operation = JSONValue.Member(
                endpoint.method.rawValue.lowercased(), Self.operation(endpoint, tag: tag, schemas: &schemas))
            if let index = paths.firstIndex(where: { $0.path == endpoint.path }) {
                paths[index].operations.append(operation)
            } else {
                paths.append((endpoint.path, [operation]))
            }
        }
        json = [
            "openapi": "3.1.0",
            "info": [
                "title": tag, "summary": .string(identity.summary), "version": .string(identity.version),
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "/"]],
            "tags": [["name": tag, "description": .string(identity.summary)]],
            "paths": .object(paths.map { .init($0.path, .object($0.operations)) }),
            "components": [
                "schemas": .object(schemas.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }),
                "headers": Self.headers,
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                        "description": "An access token whose scope holds what the operation needs.",
                    ]
                ],
            ],
        ]
    }

    private static func operation(
        _ endpoint: Endpoint, tag: JSONValue, schemas: inout [String: JSONValue]
    ) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("operationId", .string(endpoint.operation)),
            .init("summary", .string(endpoint.summary)),
            .init("tags", [tag]),
        ]
        let parameters = parameters(of: endpoint, schemas: &schemas)
        if !parameters.isEmpty { members.append(.init("parameters", .array(parameters))) }
        if let body = endpoint.body {
            schemas.merge(body.schema.components) { first, _ in first }
            let content = JSONValue.object([.init(body.encoding.rawValue, ["schema": body.schema.json])])
            members.append(.init("requestBody", ["required": true, "content": content]))
        }
        switch endpoint.access {
        case .anyone: members.append(.init("security", []))
        case .scopes(let scopes):
            members.append(.init("security", [["token": .array(scopes.map(JSONValue.string))]]))
        }
        members.append(.init("responses", responses(of: endpoint, schemas: &schemas)))
        return .object(members)
    }

    private static func parameters(of endpoint: Endpoint, schemas: inout [String: JSONValue]) -> [JSONValue] {
        var parameters: [JSONValue] = []
        for parameter in endpoint.parameters {
            let (schema, isRequired) = parameter.document
            schemas.merge(schema.components) { first, _ in first }
            parameters.append([
                "name": .string(parameter.name), "in": .string(parameter.location.rawValue),
                "required": .bool(isRequired), "schema": schema.json,
            ])
        }
        return parameters + headerParameters(of: endpoint)
    }

    private static func headerParameters(of endpoint: Endpoint) -> [JSONValue] {
        var headers: [(name: String, summary: String, maximumLength: Int)] = []
        if endpoint.options.contains(.idempotent) {
            headers.append(
                (
                    "Idempotency-Key",
                    "The same key and body within 24 hours give the first answer again and change nothing.",
                    IdempotencyKeys.maximumKeyBytes
                ))
        }
        if endpoint.options.contains(.guarded) {
            headers.append(("If-Match", "Change only if the resource still has this ETag.", 4_096))
        }
        if endpoint.method == .get, endpoint.access != .anyone {
            headers.append(("If-None-Match", "Answer 304 if the resource still has this ETag.", 4_096))
        }
        return headers.map { header in
            [
                "name": .string(header.name), "in": "header", "required": false,
                "description": .string(header.summary),
                "schema": ["type": "string", "maxLength": .number(String(header.maximumLength))],
            ]
        }
    }

    private static func responses(of endpoint: Endpoint, schemas: inout [String: JSONValue]) -> JSONValue {
        var responses: [Int: JSONValue] = [:]
        for (status, summary) in implied(by: endpoint) { responses[status] = problem(summary) }
        if endpoint.method == .get, endpoint.access != .anyone {
            responses[304] = ["description": "The resource still has the ETag of If-None-Match."]
        }
        for answer in endpoint.answers {
            if let schema = answer.schema { schemas.merge(schema.components) { first, _ in first } }
            guard answer.status < 400 else {
                responses[answer.status] = problem(answer.summary)
                continue
            }
            let headers = (["X-Request-ID"] + answer.headers).map { name in
                JSONValue.Member(name, ["$ref": .string("#/components/headers/\(name)")])
            }
            var members: [JSONValue.Member] = [
                .init("description", .string(answer.summary)), .init("headers", .object(headers)),
            ]
            if let schema = answer.schema {
                members.append(.init("content", ["application/json": ["schema": schema.json]]))
            }
            responses[answer.status] = .object(members)
        }
        return .object(responses.sorted { $0.key < $1.key }.map { .init(String($0.key), $0.value) })
    }

    /// The problems that ServiceKit itself answers with.
    private static func implied(by endpoint: Endpoint) -> [(Int, String)] {
        var problems = [(500, "The service failed."), (503, "The service or its database is not available.")]
        if let body = endpoint.body {
            let reason = body.encoding == .json ? "The body is not JSON." : "The body is not a form."
            problems += [(400, reason), (413, "The body is too large."), (415, reason)]
            if body.encoding == .json { problems.append((422, "Some values are not valid; all of them are listed.")) }
        }
        if endpoint.access != .anyone {
            problems += [(401, "There is no valid access token."), (403, "The access token lacks a scope.")]
        }
        if endpoint.parameters.contains(where: { $0.location == .path }) { problems.append((404, "No such resource.")) }
        if endpoint.parameters.contains(where: { $0.location == .query }) {
            problems.append((422, "Some values are not valid; all of them are listed."))
        }
        if endpoint.options.contains(.guarded) {
            problems += [(400, "If-Match is not a list of tags."), (412, "The resource has another ETag by now.")]
        }
        return problems
    }

    private static func problem(_ summary: String) -> JSONValue {
        [
            "description": .string(summary),
            "headers": ["X-Request-ID": ["$ref": "#/components/headers/X-Request-ID"]],
            "content": ["application/problem+json": ["schema": Problem.schema.json]],
        ]
    }

    private static let headers: JSONValue = {
        func header(_ summary: String) -> JSONValue {
            ["description": .string(summary), "schema": ["type": "string"]]
        }
        return [
            "X-Request-ID": header("The id of the request, as sent or made up."),
            "ETag": header("The strong validator of this representation."),
            "Location": header("The path of the new resource."),
            "Link": header("The next page, rel=\"next\"; absent on the last one."),
        ]
    }()
}

extension OpenAPIDocument {
    /// The endpoint that serves a document to everybody: `/<service>/openapi.json`.
    static func endpoint(_ identity: ServiceIdentity, describing endpoints: [Endpoint]) -> Endpoint {
        let content = Array(OpenAPIDocument(identity, endpoints: endpoints).json.text.utf8)
        let tag = EntityTag(content: content)
        return Endpoint(
            .get, "/\(identity.name)/openapi.json", "openapi", "This document", access: .anyone,
            answers: [.json("The OpenAPI 3.1 document.")]
        ) { _ in
            Reply(.ok, content: content, entityTag: tag)
        }
    }
}
