import Foundation
import Policy

/// What a revocation feed answers to `?after=POSITION`:
///
/// ```json
/// {"revocations": [
///    {"position": 12, "subject": "42", "issued_before": "2026-11-21T18:00:00.123Z", "expires_at": "2026-11-21T18:15:00Z"},
///    {"position": 13, "token": "<jti>", "expires_at": "2026-11-21T18:15:00Z"}],
///  "next": 13}
/// ```
///
/// Members that are not known are passed over.
struct RevocationPage: Sendable {
    var entries: [RevocationList.Entry]
    /// How many entries say neither of which subject nor of which token they are, or not when.
    var unreadable: Int
    /// The position to ask after next time.
    var next: Int64

    init(entries: [RevocationList.Entry], unreadable: Int = 0, next: Int64) {
        self.entries = entries
        self.unreadable = unreadable
        self.next = next
    }

    /// - Throws: `FetchError` when it is no such answer.
    init(json: [UInt8]) throws(FetchError) {
        let page: Page
        do {
            page = try JSONDecoder().decode(Page.self, from: Data(json))
        } catch {
            throw FetchError("is not a page of a revocation feed")
        }
        guard page.next >= 0 else { throw FetchError("has a negative position") }
        let read = page.revocations.map(\.entry)
        self.init(entries: read.compactMap(\.self), unreadable: read.count { $0 == nil }, next: page.next)
    }

    private struct Page: Decodable {
        let revocations: [Item]
        let next: Int64
    }

    private struct Item: Decodable {
        let entry: RevocationList.Entry?

        private enum Keys: String, CodingKey {
            case subject, token
            case issuedBefore = "issued_before"
            case expiresAt = "expires_at"
        }

        init(from decoder: any Decoder) throws {
            // What one entry lacks must not hide the others.
            let item = try? decoder.container(keyedBy: Keys.self)
            func text(_ key: Keys) -> String? { try? item?.decodeIfPresent(String.self, forKey: key) }
            let expiresAt = text(.expiresAt).flatMap(Self.milliseconds)
            // Raised to a whole second: longer is safe.
            let endsAt = expiresAt.map { ($0 + 999) / 1_000 }
            if let subject = text(.subject), let before = text(.issuedBefore).flatMap(Self.milliseconds) {
                entry = .subject(subject, issuedBeforeMilliseconds: before, endsAtSeconds: endsAt)
            } else if let token = text(.token), let endsAt {
                entry = .token(token, expiresAtSeconds: endsAt)
            } else {
                entry = nil
            }
        }

        /// Of a time of RFC 3339, with or without a fraction of the second; since 1970.
        private static func milliseconds(_ text: String) -> Int64? {
            let fractional = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
            // Nil where it has no fraction, or is no time at all.
            let date = (try? fractional.parse(text)) ?? (try? Date.ISO8601FormatStyle().parse(text))
            guard let seconds = date?.timeIntervalSince1970, abs(seconds) < 253_402_300_800 else { return nil }
            return Int64((seconds * 1_000).rounded())
        }
    }
}
