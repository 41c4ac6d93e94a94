// A page of an application that uses the form of client/examples/react; test_react_example.py bundles it and opens it.
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { VideoUpload } from '../../client/examples/react/VideoUpload.jsx'

window.uploaded = []
createRoot(document.getElementById('form')).render(
  <StrictMode>
    <VideoUpload onUploaded={(told) => window.uploaded.push(told)} />
  </StrictMode>,
)
