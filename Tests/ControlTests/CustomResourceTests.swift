import Foundation
import Testing
import Yams

@testable import Control

/// k8s/crds says of our policies what the gateway itself reads: the documents of docs/, of k8s/base and of the golden pairs
/// without errors are valid by their schemas, and a field that is not in the schema is none of the gateway's.
@Suite struct CustomResourceTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let kinds = ["AccessPolicy", "AuthenticationPolicy", "RateLimitPolicy", "TrafficPolicy"]

    /// By kind: the schema of v1alpha1.
    private static func schemas() throws -> [String: Node] {
        var schemas: [String: Node] = [:]
        let folder = root.appending(path: "k8s/crds")
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where file.contains(".gatehouse.dev") {
            let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
            let node = try #require(try Yams.compose(yaml: text))
            let kind = try #require(node["spec"]?["names"]?["kind"]?.string)
            schemas[kind] = node["spec"]?["versions"]?[0]?["schema"]?["openAPIV3Schema"]
        }
        return schemas
    }

    @Test func `there is a schema for each kind, and it is structural`() throws {
        let schemas = try Self.schemas()
        #expect(schemas.keys.sorted() == Self.kinds)
        for (kind, schema) in schemas { checkStructure(schema, at: kind) }
    }

    /// Every node has a type, arrays have items, and objects properties (Kubernetes: "structural schemas").
    private func checkStructure(_ schema: Node, at path: String) {
        let type = schema["type"]?.string
        #expect(type != nil, "\(path) has no type")
        switch type {
        case "array":
            guard let items = schema["items"] else {
                Issue.record("\(path) has no items")
                return
            }
            checkStructure(items, at: path + "[]")
        case "object":
            for (name, inner) in schema["properties"]?.mapping ?? [:] {
                checkStructure(inner, at: "\(path).\(name.string ?? "")")
            }
        default: break
        }
    }

    @Test func `what the gateway reads is what the schemas allow`() throws {
        let schemas = try Self.schemas()
        var found = 0
        for (file, document) in try documents() {
            guard let kind = document["kind"]?.string, let schema = schemas[kind] else { continue }
            found += 1
            validate(document, schema, at: "\(file): \(kind)")
        }
        #expect(found >= 12)
    }

    private func validate(_ value: Node, _ schema: Node, at path: String) {
        switch schema["type"]?.string {
        case "object":
            guard let mapping = value.mapping else {
                Issue.record("\(path) is no object")
                return
            }
            for name in schema["required"]?.sequence ?? [] where value[name] == nil {
                Issue.record("\(path) has no \(name.string ?? "")")
            }
            guard let properties = schema["properties"]?.mapping else { return }
            for (name, inner) in mapping {
                guard let known = properties[name] else {
                    Issue.record("\(path).\(name.string ?? "") is not in the schema")
                    continue
                }
                validate(inner, known, at: "\(path).\(name.string ?? "")")
            }
        case "array":
            guard let sequence = value.sequence, let items = schema["items"] else {
                Issue.record("\(path) is no list")
                return
            }
            if let most = schema["maxItems"]?.int { #expect(sequence.count <= most, "\(path)") }
            if let least = schema["minItems"]?.int { #expect(sequence.count >= least, "\(path)") }
            for (index, item) in sequence.enumerated() { validate(item, items, at: "\(path)[\(index)]") }
        case "integer":
            guard let number = value.int else {
                Issue.record("\(path) is no integer")
                return
            }
            if let most = schema["maximum"]?.int { #expect(number <= most, "\(path)") }
            if let least = schema["minimum"]?.int { #expect(number >= least, "\(path)") }
        case "boolean": #expect(value.bool != nil, "\(path)")
        default:
            let text = value.scalar?.string ?? ""
            if let choices = schema["enum"]?.sequence { #expect(choices.contains { $0.string == text }, "\(path)") }
            if let pattern = schema["pattern"]?.string, let expression = try? Regex(pattern) {
                #expect(text.firstMatch(of: expression) != nil, "\(path) does not match \(pattern)")
            }
        }
    }

    /// Documents that the gateway takes without an error.
    private func documents() throws -> [(String, Node)] {
        var texts: [(String, String)] = []
        for page in ["rate-limits.md", "access.md", "authentication.md", "traffic.md"] {
            let text = try String(contentsOf: Self.root.appending(path: "docs/\(page)"), encoding: .utf8)
            let blocks = text.components(separatedBy: "```yaml\n").dropFirst()
                .compactMap { $0.components(separatedBy: "\n```").first }
            texts += blocks.filter { $0.hasPrefix("apiVersion:") }.map { (page, $0) }
        }
        let base = "k8s/base/gateway/policies.yaml"
        texts.append((base, try String(contentsOf: Self.root.appending(path: base), encoding: .utf8)))
        let folder = Self.root.appending(path: "Tests/ControlTests/Translation")
        let bad = ["error", "unsupported", "kinds", "isolation", "misnamed"]
        for name in try GoldenTests.cases where !bad.contains(where: { name.contains($0) }) {
            let text = try String(contentsOf: folder.appending(path: "\(name).in.yaml"), encoding: .utf8)
            texts.append((name, text))
        }
        return try texts.flatMap { name, text in try Yams.compose_all(yaml: text).map { (name, $0) } }
    }
}
