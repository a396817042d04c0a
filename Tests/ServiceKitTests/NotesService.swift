import HTTPTypes
import Postgres
import ServiceKit
import Telemetry

/// The smallest service that uses everything of ServiceKit: notes with a text.
struct NotesService: GatehouseService {
    static let identity = ServiceIdentity(
        name: "notes", title: "Notes", summary: "Notes for tests.", version: "1.2.3", httpPort: 8099,
        managementPort: 9099)

    static let migrations = [
        Migration(
            name: "v0001_create_notes",
            sql: """
                CREATE TABLE notes (
                    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL,
                    version bigint NOT NULL DEFAULT 1, CONSTRAINT notes_text_key UNIQUE (text));
                """)
    ]

    private let platform: Platform

    init(platform: Platform, settings: NoSettings) { self.platform = platform }

    private static let id = PathParameter("id", .identifier, "The note's number.")
    private static let reading = Access.scope("notes:read")
    private static let writing = Access.scopes(["notes:write"])

    var endpoints: [Endpoint] {
        [
            Endpoint(
                .get, "/notes", "listNotes", "List notes", parameters: Paging.parameters, access: Self.reading,
                answers: [.page(of: Note.self)]
            ) { call in
                let request = try call.pageRequest()
                let notes = try await notes(
                    "SELECT id, text, version FROM notes WHERE id > $1 ORDER BY id LIMIT $2",
                    [request.after ?? 0, request.fetchCount], in: platform.database)
                return .page(Page(fetched: notes, request, position: \.id), of: call)
            },
            Endpoint(
                .post, "/notes", "createNote", "Create a note", body: NewNote.self, access: Self.writing,
                answers: [.created(Note.self), .conflict("There is one.")], options: .idempotent
            ) { call, new in
                try await platform.answerOnce(call) { database in
                    let notes = try await notes(
                        "INSERT INTO notes (text) VALUES ($1) RETURNING id, text, version", [new.text], in: database)
                    return .created(notes[0], at: "/notes/\(notes[0].id)", version: 1)
                }
            },
            Endpoint(
                .get, "/notes/{id}", "readNote", "Read a note", parameters: [Self.id], access: Self.reading,
                answers: [.ok(Note.self)]
            ) { call in
                let notes = try await notes(
                    "SELECT id, text, version FROM notes WHERE id = $1", [call[Self.id]], in: platform.database)
                guard let note = notes.first else { throw Problem.notFound("There is no such note.") }
                return .ok(note, version: note.version)
            },
            Endpoint(
                .put, "/notes/{id}", "changeNote", "Change a note", parameters: [Self.id], body: NewNote.self,
                access: Self.writing, answers: [.ok(Note.self)], options: .guarded
            ) { call, new in
                let notes = try await notes(
                    """
                    UPDATE notes SET text = $2, version = version + 1
                    WHERE id = $1 AND ($3::bigint[] IS NULL OR version = ANY($3)) RETURNING id, text, version
                    """, [call[Self.id], new.text, call.ifMatch().versions], in: platform.database)
                guard let note = notes.first else { throw Problem.preconditionFailed }
                return .ok(note, version: note.version)
            },
            Endpoint(.get, "/notes/broken", "breakNote", "Fail", access: .anyone, answers: []) { _ in
                throw InternalFailure(secret: "password=hunter2")
            },
            Endpoint(.get, "/notes/trace", "traceNote", "Show the trace", access: .anyone, answers: []) { call in
                let scope = RequestScope.current
                let text = "\(scope?.requestID ?? "") \(scope?.trace.traceparent ?? "") \(call.requestID)"
                return Reply(.ok, content: Array(text.utf8), contentType: "text/plain")
            },
            Endpoint(.get, "/notes/missing-column", "breakColumn", "Fail in SQL", access: .anyone, answers: []) { _ in
                _ = try await platform.database.query("SELECT no_such_column FROM notes", [])
                return .noContent
            },
        ]
    }

    func seed() async throws {}

    private func notes(
        _ statement: Statement, _ binds: [any PostgresBindable], in database: any PostgresQuerying
    ) async throws -> [Note] {
        try await database.query(statement, binds).map { row in
            let (id, text, version) = try row.decode(Int64.self, String.self, Int64.self)
            return Note(id: id, text: text, version: version)
        }
    }
}

private struct InternalFailure: Error {
    let secret: String
}

struct Note: Representable {
    let id: Int64
    let text: String
    let version: Int64

    static let representation = Representation<Note>(
        "Note", "A note.",
        [.init("id", .identifier, "Its number.") { $0.id }, .init("text", .text(1...100), "Its text.") { $0.text }])
}

struct NewNote: RequestForm {
    private static let textField = Field.required("text", .text(1...100), "Its text.")
    static let form = Form<NewNote>("NewNote", "A note to create.", [textField])
    let text: String
    init(_ values: FormValues) { text = values[Self.textField] }
}
