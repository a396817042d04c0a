import Foundation
import Reactor
import Routing

/// `NAME=FOLDER`: a Secret or ConfigMap that lives as a folder with a file for each of its keys, the way Kubernetes mounts
/// one, so that certificates and key sets reach the gateway as their makers (cert-manager, an operator, `kubectl create
/// secret tls`) store them.
public struct MountedObject: Sendable, Hashable {
    public enum Kind: String, Sendable {
        case secret = "Secret"
        case configMap = "ConfigMap"
    }

    /// The largest file that is read: an object in Kubernetes has at most 1 MiB.
    static let fileLimitBytes = 1 << 20

    public var kind: Kind
    public var name: String
    public var folder: String

    /// Nil when the text has no name or no folder.
    public init?(_ kind: Kind, _ text: String) {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        self.kind = kind
        name = String(text[..<equals])
        folder = String(text[text.index(after: equals)...])
        if name.isEmpty || folder.isEmpty { return nil }
    }

    /// The paths of its keys by name, without what is hidden: Kubernetes keeps the versions of the object in such folders.
    ///
    /// - Throws: a diagnostic when the folder cannot be listed.
    func keys() throws(Diagnostic) -> [(name: String, path: String)] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                .filter { !$0.hasPrefix(".") }.map { ($0, "\(folder)/\($0)") }
        } catch {
            throw Diagnostic(.error, at: Place(file: folder), "cannot be listed: \(error.localizedDescription)")
        }
    }

    /// The object as the document that Kubernetes would show.
    ///
    /// - Throws: a diagnostic for the first file that cannot be read.
    func document(namespace: String) throws(Diagnostic) -> SourceDocument {
        var entries: [DocumentValue.Field] = []
        for key in try keys() {
            let data = try read(key.path)
            switch kind {
            case .secret: entries.append(.text(key.name, data.base64EncodedString()))
            case .configMap:
                // What is no text belongs to `binaryData`, which nothing here refers to.
                if let text = String(bytes: data, encoding: .utf8) { entries.append(.text(key.name, text)) }
            }
        }
        var fields: [DocumentValue.Field] = [
            .text("apiVersion", "v1"), .text("kind", kind.rawValue),
            .mapping("metadata", [.text("name", name), .text("namespace", namespace)]),
        ]
        if kind == .secret, Set(entries.map(\.name)).isSuperset(of: ["tls.crt", "tls.key"]) {
            fields.append(.text("type", SecretDocument.tlsType))
        }
        fields.append(.mapping("data", entries))
        return SourceDocument(file: folder, number: 1, value: DocumentValue(.mapping(fields)))
    }

    private func read(_ path: String) throws(Diagnostic) -> Data {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }  // a file that was only read loses nothing
            let data = try file.read(upToCount: Self.fileLimitBytes + 1) ?? Data()
            guard data.count <= Self.fileLimitBytes else {
                throw Diagnostic(.error, at: Place(file: path), "is larger than \(Self.fileLimitBytes >> 20) MiB")
            }
            return data
        } catch let problem as Diagnostic {
            throw problem
        } catch {
            throw Diagnostic(.error, at: Place(file: path), "cannot be read: \(error.localizedDescription)")
        }
    }
}

extension SourceDocument {
    /// The document with a namespace where it names none; for a List, the same for what it lists.
    func inNamespace(_ namespace: String) -> SourceDocument {
        var copy = self
        copy.value = value.inNamespace(namespace)
        return copy
    }
}

extension DocumentValue {
    fileprivate func inNamespace(_ namespace: String) -> DocumentValue {
        guard case .mapping(var fields) = content else { return self }
        for index in fields.indices {
            switch (fields[index].name, fields[index].value.content) {
            case ("metadata", .mapping(var metadata)):
                guard !metadata.contains(where: { $0.name == "namespace" }) else { continue }
                metadata.append(.text("namespace", namespace, line: fields[index].line))
                fields[index].value.content = .mapping(metadata)
            case ("items", .sequence(let items)):
                fields[index].value.content = .sequence(items.map { $0.inNamespace(namespace) })
            default: continue
            }
        }
        return DocumentValue(.mapping(fields), line: line)
    }
}

extension DocumentValue.Field {
    fileprivate static func text(_ name: String, _ text: String, line: Int = 0) -> Self {
        Self(name: name, line: line, value: DocumentValue(.string(text), line: line))
    }

    fileprivate static func mapping(_ name: String, _ fields: [Self]) -> Self {
        Self(name: name, line: 0, value: DocumentValue(.mapping(fields)))
    }
}
